"""Reads CloudFormation's templates and fills in what they refer to, so that other tools see plain policies and machines.

What only exists in an account (an ARN of what the stack makes) becomes an ARN of the right shape.
"""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("template", "example", "account")

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "aurora-clone-manager",
    "AWS::StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/aurora-clone-manager/1",
    "AWS::NoValue": None,
}
PREFIX = "arn:aws:{service}:eu-west-1:123456789012:"
ARNS = {
    "AWS::Lambda::Function": PREFIX.format(service="lambda") + "function:{name}",
    "AWS::DynamoDB::Table": PREFIX.format(service="dynamodb") + "table/{name}",
    "AWS::Logs::LogGroup": PREFIX.format(service="logs") + "log-group:{name}:*",
    "AWS::StepFunctions::StateMachine": PREFIX.format(service="states") + "stateMachine:{name}",
    "AWS::SQS::Queue": PREFIX.format(service="sqs") + "{name}",
    "AWS::IAM::Role": "arn:aws:iam::123456789012:role/{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::KMS::Key": PREFIX.format(service="kms") + "key/{name}",
    "AWS::CodeBuild::Project": PREFIX.format(service="codebuild") + "project/{name}",
}


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _short(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short)
# Dates are texts here, as a policy's Version is.
Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Template:
    """One template, with its parameters' defaults. `assume` says of every condition that it holds, or that none does."""

    def __init__(self, path, assume=None):
        self.assume = assume
        self.path = Path(path)
        self.name = str(self.path.relative_to(ROOT)) if self.path.is_relative_to(ROOT) else self.path.name
        self.body = yaml.load(self.path.read_text(encoding="utf-8"), Loader)
        self.resources = self.body["Resources"]
        self.values = {
            name: self._default(about) for name, about in self.body.get("Parameters", {}).items()
        }

    @staticmethod
    def _default(about):
        value = str(about.get("Default", "x"))
        if about["Type"] == "CommaDelimitedList" or about["Type"].startswith("List<"):
            return value.split(",")
        return value

    def arn(self, logical):
        """The ARN of a resource of this stack; a type without one here is an error, and no silent nonsense."""
        shape = ARNS.get(self.resources[logical]["Type"])
        if shape is None:
            raise SystemExit(f"{self.name}: {logical}: templates.py knows no ARN of {self.resources[logical]['Type']}")
        return shape.format(name=logical)

    def _look_up(self, name):
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.values:
            return self.values[name]
        if name in self.resources:
            # A reference to a managed policy or a state machine is its ARN; of what else is used in policies, its name.
            return self.arn(name) if self.resources[name]["Type"] == "AWS::StepFunctions::StateMachine" else name
        raise SystemExit(f"{self.name}: nothing is called {name}")

    def _sub(self, text, own):
        def one(match):
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return str(self.fill(own[name]))
            if "." in name and name.split(".")[1] == "Arn":
                return self.arn(name.split(".")[0])
            return str(self._look_up(name))

        return re.sub(r"\$\{([^}]+)\}", one, text)

    def holds(self, condition):
        """Whether a condition holds."""
        if self.assume is not None:
            return self.assume
        if isinstance(condition, str):
            return self.holds(self.body["Conditions"][condition])
        ((kind, value),) = condition.items()
        match kind:
            case "Fn::Equals":
                return self.fill(value[0]) == self.fill(value[1])
            case "Fn::Not":
                return not self.holds(value[0])
            case "Fn::And":
                return all(self.holds(one) for one in value)
            case "Fn::Or":
                return any(self.holds(one) for one in value)
            case "Condition":
                return self.holds(value)
        raise SystemExit(f"{self.name}: templates.py does not know the condition {kind}")

    def fill(self, value):
        """The value without intrinsic functions; what is AWS::NoValue is gone."""
        if isinstance(value, list):
            return [one for one in (self.fill(one) for one in value) if one is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((kind, given),) = value.items()
            match kind:
                case "Ref":
                    return self._look_up(given)
                case "Fn::GetAtt":
                    return self.arn(given[0]) if given[1] == "Arn" else f"{given[0]}.{given[1]}"
                case "Fn::Sub":
                    text, own = given if isinstance(given, list) else (given, {})
                    return self._sub(text, own)
                case "Fn::Join":
                    return given[0].join(str(one) for one in self.fill(given[1]))
                case "Fn::Split":
                    return self.fill(given[1]).split(given[0])
                case "Fn::Select":
                    return self.fill(given[1])[int(given[0])]
                case "Fn::If":
                    return self.fill(given[1] if self.holds(given[0]) else given[2])
                case "Fn::ImportValue":
                    return f"imported-{self.fill(given)}"
            if kind.startswith("Fn::"):
                raise SystemExit(f"{self.name}: templates.py does not know {kind}")
        return {key: one for key, one in ((key, self.fill(one)) for key, one in value.items()) if one is not None}

    def policies(self):
        """(resource, policy's name, document) of each policy that gives rights to a principal.

        What is conditional is in it: each document comes as it is by default, and as it is with every condition or none.
        """
        given = []
        for assume in (None, True, False):
            for found in Template(self.path, assume)._policies():
                if found not in given:
                    given.append(found)
        return given

    def _policies(self):
        for logical, resource in self.resources.items():
            properties = resource.get("Properties", {})
            if resource["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::UserPolicy"):
                yield logical, "policy", self.fill(properties["PolicyDocument"])
            for policy in properties.get("Policies", []) if resource["Type"].startswith("AWS::IAM::") else []:
                policy = self.fill(policy)
                if policy is not None:
                    yield logical, policy["PolicyName"], policy["PolicyDocument"]

    def machines(self):
        """(resource, file of the definition, substitutions) of each state machine."""
        for logical, resource in self.resources.items():
            if resource["Type"] == "AWS::StepFunctions::StateMachine":
                properties = resource["Properties"]
                path = self.path.parent / properties["DefinitionS3Location"]
                yield logical, path, self.fill(properties.get("DefinitionSubstitutions", {}))


def all_templates():
    """Every CloudFormation template of the project."""
    found = [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.y*ml"))
        if re.search(r"^Resources:", path.read_text(encoding="utf-8"), re.M)
    ]
    return [Template(path) for path in found]
