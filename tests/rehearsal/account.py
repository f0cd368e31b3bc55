"""The account as a person sees it: the AWS CLI for what is done, its library for what is looked at many times."""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import zipfile

import boto3
import yaml

from engines import FOLDER, REPOSITORY

AWS = str(pathlib.Path(sys.executable).parent / "aws")
MANAGER = "aurora-clone-manager"
BUCKET = "artifacts"
# For whatever the engines take long for; nothing here is near it.
PATIENCE_SECONDS = 150


class Failed(Exception):
    """A command of the AWS CLI that failed, with what it said."""


def aws(*arguments, cwd=REPOSITORY):
    """Runs the AWS CLI. Its answer, from JSON where it is JSON."""
    done = subprocess.run([AWS, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise Failed(f"aws {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    try:
        return json.loads(done.stdout)
    except ValueError:
        return done.stdout


def until(what, look, seconds=PATIENCE_SECONDS):
    """What `look` finds, as soon as it finds something."""
    began = time.monotonic()
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() - began < seconds, f"waited {seconds} s in vain: {what}"
        time.sleep(0.3)


class Account:
    def __init__(self, engines, package):
        self.engines = engines
        self.package = package
        self.cloudformation = boto3.client("cloudformation")
        self.secrets = boto3.client("secretsmanager")
        self.logs = boto3.client("logs")
        self.states = boto3.client("stepfunctions")
        self.rds = boto3.client("rds", endpoint_url=engines.simulator)
        self.sqs = boto3.client("sqs")
        self.queue = self.listen()
        self.heard, self.hearing = [], threading.Lock()

    def listen(self):
        """A queue with everything that the manager tells EventBridge."""
        events = boto3.client("events")
        url = self.sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="told", EventPattern=json.dumps({"source": ["aurora-clone-manager"]}))
        events.put_targets(Rule="told", Targets=[{"Id": "told", "Arn": arn}])
        return url

    def told(self, kind):
        """The details of what the manager has told EventBridge so far."""
        with self.hearing:
            while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
                for message in messages:
                    self.heard.append(json.loads(message["Body"]))
                    self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
            return [event["detail"] for event in self.heard if event["detail-type"] == kind]

    # What is done.

    def deploy_manager(self, *parameters):
        """As `build.sh` does it, with the package that is given."""
        tree = FOLDER / "deployed"
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(REPOSITORY / "template", tree / "template")
        put_package(self.package, tree)
        packaged = tree / "target" / "packaged.yaml"
        aws("cloudformation", "package", "--template-file", "template/template.yaml", "--s3-bucket", BUCKET,
            "--s3-prefix", "manager", "--output-template-file", packaged, cwd=tree)
        aws("cloudformation", "deploy", "--template-file", packaged, "--stack-name", MANAGER, "--s3-bucket", BUCKET,
            "--s3-prefix", "manager", "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset",
            "--parameter-overrides", "Architecture=x86_64", *parameters, cwd=tree)
        self.mend_schedules()

    def mend_schedules(self):
        """MiniStack hands `<aws.scheduler.scheduled-time>` on as it stands, which is no time; without one the maintainer takes its own."""
        scheduler = boto3.client("scheduler")
        for schedule in scheduler.list_schedules()["Schedules"]:
            shown = scheduler.get_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])
            target = shown["Target"]
            event = json.loads(target["Input"])
            if event.pop("time", None) == "<aws.scheduler.scheduled-time>":
                names = ("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow")
                kept = {name: shown[name] for name in names}
                scheduler.update_schedule(**kept, Target={**target, "Input": json.dumps(event)})

    def create(self, stack, template):
        aws("cloudformation", "create-stack", "--stack-name", stack, "--template-body", text(template))

    def update(self, stack, template):
        aws("cloudformation", "update-stack", "--stack-name", stack, "--template-body", text(template))

    def delete(self, stack):
        aws("cloudformation", "delete-stack", "--stack-name", stack)

    def begin_living(self):
        """Begins a stack that lives until the manager's own end."""
        if self.stack("living") is None:
            self.create("living", stack_of([("A", "ResourceId")], A=clone("shop")))

    # What came of it.

    def stack(self, name):
        """A stack as describe-stacks shows it, with its outputs by name; None where there is none."""
        try:
            found = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except self.cloudformation.exceptions.ClientError:
            return None
        found["Outputs"] = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
        return found

    def settled(self, name, *expected):
        """The stack, when nothing is going on any more; it must be as expected then."""

        def look():
            stack = self.stack(name)
            if stack is None:
                return {"StackStatus": "DELETE_COMPLETE", "Outputs": {}}
            return stack if not stack["StackStatus"].endswith("_IN_PROGRESS") else None

        stack = until(f"{name} is settled", look)
        if stack["StackStatus"] not in expected:
            reasons = [f"{event['LogicalResourceId']} {event['ResourceStatus']} {event.get('ResourceStatusReason', '')}"
                       for event in reversed(self.events(name))]
            raise AssertionError(f"{name} is {stack['StackStatus']}, not {expected}:\n" + "\n".join(reasons))
        return stack

    def events(self, name):
        return self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]

    def reasons(self, name):
        """Why resources of a stack failed."""
        return [event["ResourceStatusReason"] for event in self.events(name) if event["ResourceStatus"].endswith("_FAILED")]

    def exports(self):
        pages = self.cloudformation.get_paginator("list_exports").paginate()
        return {export["Name"]: export["Value"] for page in pages for export in page["Exports"]}

    def secret_names(self):
        pages = self.secrets.get_paginator("list_secrets").paginate()
        return {secret["Name"] for page in pages for secret in page["SecretList"]}

    def kept(self, secret):
        """What a secret holds, but for the password, of which only a hash may ever be printed."""
        kept = json.loads(self.secrets.get_secret_value(SecretId=secret)["SecretString"])
        return {**kept, "password": hashlib.sha256(kept["password"].encode()).hexdigest()}

    def opens(self, secret, cluster):
        """Whether the password in a secret opens a cluster."""
        kept = json.loads(self.secrets.get_secret_value(SecretId=secret)["SecretString"])
        return self.engines.opens(cluster, kept["password"])

    def clusters(self):
        """The simulator's truth, by identifier."""
        return {cluster["id"]: cluster for cluster in self.engines.state()["clusters"]}

    def clones_of(self, source):
        """How many copy-on-write clones hang off a cluster's volume: the truth, not what an API shows."""
        clusters = self.clusters()
        volume = clusters[source]["volume"]
        return [one["id"] for one in clusters.values() if one["copy_on_write"] and one["volume"] == volume]

    def clusters_of(self, stack_id):
        """The clusters that were made for a stack and are there, by what they are for."""
        found = {}
        for page in self.rds.get_paginator("describe_db_clusters").paginate():
            for cluster in page["DBClusters"]:
                tags = {tag["Key"]: tag["Value"] for tag in cluster["TagList"]}
                if tags.get("aurora-clone:stack-id") == stack_id and tags["aurora-clone:cluster"] == cluster["DBClusterIdentifier"]:
                    found.setdefault(tags["aurora-clone:logical-id"], []).append(cluster["DBClusterIdentifier"])
        return found

    def picture(self, stack_id):
        """Everything that a stack's clones are, but when it was looked at and their tag about the last properties."""
        picture = {}
        for resource, (cluster,) in self.clusters_of(stack_id).items():
            shown = self.rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
            for name in ("LatestRestorableTime", "EarliestRestorableTime"):
                shown.pop(name, None)
            shown["TagList"] = {tag["Key"]: tag["Value"] for tag in shown["TagList"]}
            shown["DBClusterMembers"].sort(key=lambda member: member["DBInstanceIdentifier"])
            secret = self.secrets.describe_secret(SecretId=shown["TagList"]["aurora-clone:secret"])
            picture[resource] = (shown, self.clusters()[cluster]["instances"], secret["ARN"], self.kept(secret["ARN"]))
        return picture

    def gone(self, stack_id, secrets):
        """Nothing that was made for a stack is there any more."""
        assert self.clusters_of(stack_id) == {}
        left = [name for name in self.secret_names() if name in secrets]
        assert left == [], left

    def tags(self, cluster):
        found = self.rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
        return {tag["Key"]: tag["Value"] for tag in found["TagList"]}

    def log_lines(self, function):
        """What a function's processes have written, by MiniStack's log service."""
        group = self.log_group(function)
        lines, token = [], {}
        while True:
            page = self.logs.filter_log_events(logGroupName=group, **token)
            lines += [event["message"] for event in page["events"]]
            if not page.get("nextToken"):
                return lines
            token = {"nextToken": page["nextToken"]}

    def log_group(self, function):
        resource = self.cloudformation.describe_stack_resource(StackName=MANAGER, LogicalResourceId=f"{function}Logs")
        return resource["StackResourceDetail"]["PhysicalResourceId"]


def put_package(package, tree):
    """Puts the package where the template looks for it: a folder with the program, or an archive of it."""
    template = yaml.load((tree / "template" / "template.yaml").read_text(), Loader=Loose)
    code = template["Resources"]["CloneHandler"]["Properties"]["Code"]
    wanted = (tree / "template" / code).resolve()
    wanted.parent.mkdir(parents=True, exist_ok=True)
    package = pathlib.Path(package)
    if package.suffix == ".zip" and wanted.suffix == ".zip":
        shutil.copy2(package, wanted)
    elif package.suffix == ".zip":
        with zipfile.ZipFile(package) as archive:
            archive.extract("bootstrap", wanted)
        (wanted / "bootstrap").chmod(0o755)
    elif wanted.suffix == ".zip":
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        with zipfile.ZipFile(wanted, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(entry, package.read_bytes())
    else:
        wanted.mkdir()
        shutil.copy2(package, wanted / "bootstrap")


class Loose(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, of which only the text is looked at."""


Loose.add_multi_constructor("!", lambda loader, suffix, node: node.value)


def text(template):
    return json.dumps(template)


def clone(source, **properties):
    """A Custom::AuroraClone as a template has it."""
    token = {"Fn::ImportValue": f"{MANAGER}-LambdaArn"}
    given = {"ServiceToken": token, "SourceClusterId": source, "ServiceTimeout": "600", **properties}
    return {"Type": "Custom::AuroraClone", "Properties": given}


def stack_of(outputs=(), **resources):
    """A template with these resources; `outputs` are pairs of a resource and an attribute."""
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    if outputs:
        template["Outputs"] = {
            f"{resource}{attribute}": {"Value": {"Fn::GetAtt": [resource, attribute]}} for resource, attribute in outputs
        }
    return template
