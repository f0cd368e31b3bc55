"""Holds answers of the JSON protocol (DynamoDB, Step Functions, Secrets Manager, KMS, EventBridge, Parameter Store) to botocore's models."""

import json
import re

REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What any operation may answer.
COMMON_ERRORS = {"ValidationException", "SerializationException", "UnknownOperationException"}
TYPES = {
    "string": str,
    "blob": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


def check(operation, status, headers, body):
    """Lists what is wrong with the answer (bytes) of an operation (botocore's OperationModel)."""
    return list(problems(operation, status, headers, body))


def problems(operation, status, headers, body):
    version = operation.service_model.metadata["jsonVersion"]
    if headers.get("content-type") != f"application/x-amz-json-{version}":
        yield f"content type {headers.get('content-type')}"
    if not REQUEST_ID.fullmatch(headers.get("x-amzn-requestid", "")):
        yield f"request id {headers.get('x-amzn-requestid')}"
    if status == 200 and not body and not operation.output_shape:
        return
    try:
        document = json.loads(body)
    except ValueError as error:
        yield f"no JSON: {error}"
        return
    if status == 200:
        if operation.output_shape:
            yield from walk(operation.output_shape, document, "")
        return
    code = document.pop("__type", "").split("#")[-1]
    shape = {shape.name: shape for shape in operation.error_shapes}.get(code)
    if status != 400:
        yield f"status {status}"
    if shape is None and code not in COMMON_ERRORS:
        yield f"error {code} is neither modelled for {operation.name} nor common"
    document["message"] = document.get("message") or document.pop("Message", None)
    if not document["message"]:
        yield "error without a message"
    members = shape.members if shape else {}
    for name, value in document.items():
        if name in members:
            yield from walk(members[name], value, f"/{name}")
        elif name != "message":
            yield f"error {code} has no member {name}"


def walk(shape, value, path):
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no structure"
            return
        for name, member in value.items():
            if name in shape.members:
                yield from walk(shape.members[name], member, f"{path}/{name}")
            else:
                yield f"{path}: {shape.name} has no member {name}"
        for name in shape.required_members:
            if name not in value:
                yield f"{path}: required {name} is missing"
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            yield f"{path}: {len(value)} members in a union"
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for index, item in enumerate(value, 1):
            yield from walk(shape.member, item, f"{path}[{index}]")
    elif kind == "map":
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no map"
            return
        for key, item in value.items():
            yield from walk(shape.value, item, f"{path}[{key}]")
    elif not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{path}: {value!r} is no {kind}"
    elif value not in (shape.metadata.get("enum") or [value]):
        yield f"{path}: {value!r} is none of {shape.metadata['enum']}"
