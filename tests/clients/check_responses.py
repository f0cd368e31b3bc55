#!/usr/bin/env python3
"""Checks recorded answers of RDS and CloudFormation, <operation>.<what>.xml, against AWS's own models of the protocol.

usage: check_responses.py DIR

botocore itself skips elements that it does not know; this walk does not: every element must be in the model, in the
right shape, at most once unless it is a list item, with a value of the right type. Errors must be modelled for their
operation (or be common ones) and carry the modelled HTTP status. Exits with 1 on any problem, and when DIR has no
recordings. Needs botocore.
"""

import datetime
import gzip
import json
import math
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

import botocore

MODELS = ("rds/2014-10-31", "cloudformation/2010-05-15")
# What any operation may answer: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/CommonErrors.html and
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html
COMMON_ERRORS = {
    "AccessDenied": 403,
    "InternalFailure": 500,
    "InvalidAction": 400,
    "Throttling": 400,
}
COMMON_ERRORS_OF = {
    "rds": {
        "InvalidParameterCombination": 400,
        "InvalidParameterValue": 400,
        "MissingParameter": 400,
    },
    "cloudformation": {"ValidationError": 400},
}
# What AWS answers although its model lacks it: a stack's own events. They are in AWS's own example, the second page in
# https://docs.aws.amazon.com/cli/latest/reference/cloudformation/describe-stack-events.html
STATUSES_OF_EVENTS = ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"]
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")
REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STATUS = re.compile(rb"<!-- status (\d{3}) -->\n")


class Checker:
    """Holds documents to the model of one service."""

    def __init__(self, model):
        self.model = model
        self.shapes = model["shapes"]
        self.namespace = model["metadata"]["xmlNamespace"]
        self.common_errors = COMMON_ERRORS | COMMON_ERRORS_OF[model["metadata"]["endpointPrefix"]]

    def document(self, operation, status, root):
        """Yields what is wrong with one answer."""
        if operation not in self.model["operations"]:
            yield f"the model has no operation {operation}"
            return
        for element in root.iter():
            if not element.tag.startswith("{%s}" % self.namespace):
                yield f"{element.tag} is not in the namespace {self.namespace}"
                return
            element.tag = element.tag.split("}")[1]
            if element.attrib:
                yield f"{element.tag} has attributes"
        if root.tag == "ErrorResponse":
            yield from self.error(operation, status, root)
        else:
            yield from self.success(operation, status, root)

    def error(self, operation, status, root):
        yield from self.exactly(root, ["Error", "RequestId"])
        yield from self.exactly(root.find("Error"), ["Type", "Code", "Message"])
        yield from self.request_id(root.findtext("RequestId"))
        code = root.findtext("Error/Code")
        errors = {
            shape["error"]["code"]: shape["error"]["httpStatusCode"]
            for shape in (self.shapes[error["shape"]] for error in self.model["operations"][operation].get("errors", []))
        }
        expected = errors.get(code, self.common_errors.get(code))
        if expected is None:
            yield f"error {code} is neither modelled for {operation} nor common"
        elif expected != status:
            yield f"error {code} came with status {status}, the model says {expected}"
        if root.findtext("Error/Type") != ("Receiver" if status >= 500 else "Sender"):
            yield f"error type {root.findtext('Error/Type')} with status {status}"
        if not root.findtext("Error/Message"):
            yield "error without a message"

    def success(self, operation, status, root):
        if status != 200:
            yield f"status {status} with a document that is no error"
        if root.tag != f"{operation}Response":
            yield f"root is {root.tag}"
        output = self.model["operations"][operation].get("output")
        names = ([output["resultWrapper"]] if output else []) + ["ResponseMetadata"]
        yield from self.exactly(root, names)
        yield from self.exactly(root.find("ResponseMetadata"), ["RequestId"])
        yield from self.request_id(root.findtext("ResponseMetadata/RequestId"))
        if output and root.find(output["resultWrapper"]) is not None:
            result = root.find(output["resultWrapper"])
            if not len(result):
                yield "the result is empty"
            yield from self.walk(output["shape"], result, output["resultWrapper"])

    def exactly(self, element, names):
        found = [] if element is None else [child.tag for child in element]
        if found != names:
            yield f"expected {names}, found {found}"
        if element is not None and (element.text or "").strip():
            yield f"{element.tag}: text beside elements"

    def request_id(self, text):
        if not REQUEST_ID.fullmatch(text or ""):
            yield f"request id {text!r}"

    def walk(self, name, element, path):
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            yield from self.structure(name, shape, element, path)
        elif kind == "list":
            item = shape["member"].get("locationName", "member")
            for index, child in enumerate(element, 1):
                if child.tag != item:
                    yield f"{path}: list item {child.tag}, the model says {item}"
                    continue
                yield from self.walk(shape["member"]["shape"], child, f"{path}[{index}]")
        elif len(element):
            yield f"{path}: elements inside of a {kind}"
        else:
            yield from self.scalar(shape, element.text or "", path)
        if kind in ("structure", "list"):
            texts = [element.text, *(child.tail for child in element)]
            if any((text or "").strip() for text in texts):
                yield f"{path}: text inside of a {kind}"

    def structure(self, name, shape, element, path):
        members = {member.get("locationName", key): member for key, member in shape["members"].items()}
        seen = set()
        for child in element:
            if child.tag not in members:
                yield f"{path}: {name} has no member {child.tag}"
                continue
            if child.tag in seen:
                yield f"{path}: {child.tag} comes twice"
            seen.add(child.tag)
            yield from self.walk(members[child.tag]["shape"], child, f"{path}/{child.tag}")
        for key in shape.get("required", []):
            if shape["members"][key].get("locationName", key) not in seen:
                yield f"{path}: required {key} is missing"

    def scalar(self, shape, text, path):
        kind = shape["type"]
        fits = {
            "boolean": lambda: text in ("true", "false"),
            "integer": lambda: re.fullmatch(r"-?\d+", text) and -(2**31) <= int(text) < 2**31,
            "long": lambda: re.fullmatch(r"-?\d+", text) and -(2**63) <= int(text) < 2**63,
            "float": lambda: math.isfinite(float(text)),
            "double": lambda: math.isfinite(float(text)),
            "timestamp": lambda: TIMESTAMP.fullmatch(text) and datetime.datetime.fromisoformat(text[:19]),
            "string": lambda: shape.get("min", 0) <= len(text) <= shape.get("max", math.inf),
        }
        try:
            good = kind in fits and fits[kind]()
        except ValueError:
            good = False
        if not good:
            yield f"{path}: {text!r} is no {kind}"
        if "enum" in shape and text not in shape["enum"]:
            yield f"{path}: {text!r} is none of the modelled values"


def checkers():
    """The checkers by their namespaces."""
    data = pathlib.Path(botocore.__file__).parent / "data"
    models = [json.loads(gzip.decompress((data / name / "service-2.json.gz").read_bytes())) for name in MODELS]
    shapes = models[MODELS.index("cloudformation/2010-05-15")]["shapes"]
    of_events = shapes["ResourceStatus"]["enum"] + STATUSES_OF_EVENTS
    shapes["ResourceStatusOfEvent"] = shapes["ResourceStatus"] | {"enum": of_events}
    shapes["StackEvent"]["members"]["ResourceStatus"] = {"shape": "ResourceStatusOfEvent"}
    return {model["metadata"]["xmlNamespace"]: Checker(model) for model in models}


CHECKERS = checkers()


def check(operation, status, document):
    """Lists what is wrong with the answer (bytes) of an operation."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        return [f"not well-formed: {error}"]
    namespace = root.tag[1:].split("}")[0]
    if namespace not in CHECKERS:
        return [f"{root.tag} is in none of the namespaces {sorted(CHECKERS)}"]
    return list(CHECKERS[namespace].document(operation, status, root))


def check_file(path):
    """Lists what is wrong with one recording."""
    recording = path.read_bytes()
    status = STATUS.match(recording)
    if not status:
        return ["no status before the document"]
    return check(path.name.split(".")[0], int(status[1]), recording[status.end() :])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    passed = failed = 0
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.xml")):
        problems = check_file(path)
        for problem in problems:
            print(f"{path.name}: {problem}")
        passed, failed = (passed, failed + 1) if problems else (passed + 1, failed)
    if passed + failed == 0:
        print(f"no recordings in {sys.argv[1]}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
