"""The AWS CLI against the served fake AWS.

`aws rds wait` polls every 30 real seconds, so the server is so FAST that whatever was asked for by one command is there when
the next one asks. At SLOW nothing that takes time ends while a test looks.
"""

import json
import pathlib
import subprocess
import sys

import pytest

AWS = pathlib.Path(sys.executable).parent / "aws"
FAST = ("--speed", "5000")
SLOW = ("--speed", "0.01")
POSTGRES = ("--engine", "aurora-postgresql")
CLASS = ("--db-instance-class", "db.r6g.large")
# The exit code of the AWS CLI, version 1, when the service refuses or a waiter fails. Version 2 says 254 to a refusal, and is
# in no package registry.
FAILED = 255


class Cli:
    def __init__(self, url):
        self.url = url

    def run(self, *arguments):
        command = [AWS, "--endpoint-url", self.url, "--output", "json", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=100)

    def __call__(self, *arguments):
        """A command that must succeed: what it prints, as JSON."""
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), f"{arguments}: {done}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, code, *arguments):
        """A command that the service must refuse: the message."""
        done = self.run(*arguments)
        assert (done.returncode, done.stdout) == (FAILED, ""), f"{arguments}: {done}"
        before, _, message = done.stderr.strip().partition(" operation: ")
        assert before.startswith(f"An error occurred ({code}) when calling the "), done.stderr
        return message

    def clone(self, name, *more, source="prod"):
        return self(
            *("rds", "restore-db-cluster-to-point-in-time", "--db-cluster-identifier", name),
            *("--source-db-cluster-identifier", source, "--restore-type", "copy-on-write"),
            *("--use-latest-restorable-time", *more),
        )["DBCluster"]

    def status(self, cluster):
        query = ("--query", "DBClusters[].Status")
        return self("rds", "describe-db-clusters", "--db-cluster-identifier", cluster, *query)[0]


@pytest.fixture(scope="module")
def fast(serve):
    return Cli(serve(*FAST))


@pytest.fixture(scope="module")
def slow(serve):
    return Cli(serve(*SLOW))


@pytest.fixture(scope="module")
def many(serve):
    return Cli(serve(*SLOW, "--clusters", "119"))


def test_lists_page_by_page(many):
    ids = ("--query", "DBClusters[].DBClusterIdentifier")
    everything = many("rds", "describe-db-clusters", *ids)
    assert len(set(everything)) == 120 and everything == sorted(everything)
    assert many("rds", "describe-db-clusters", "--page-size", "25", *ids) == everything
    first = many("rds", "describe-db-clusters", "--max-items", "70", "--page-size", "50")
    assert len(first["DBClusters"]) == 70
    token = ("--starting-token", first["NextToken"])
    rest = many("rds", "describe-db-clusters", *token, *ids)
    assert [cluster["DBClusterIdentifier"] for cluster in first["DBClusters"]] + rest == everything
    page = many("rds", "describe-db-instances", "--no-paginate", "--max-records", "20")
    assert len(page["DBInstances"]) == 20 and page["Marker"]
    page = many("rds", "describe-db-instances", "--no-paginate", "--marker", page["Marker"])
    assert (len(page["DBInstances"]), page.get("Marker")) == (100, None)


def test_lists_what_filters_fit(many):
    ids = ("--query", "DBClusters[].DBClusterIdentifier")
    filters = ("--filters", "Name=db-cluster-id,Values=prod,other-007", "Name=engine,Values=aurora-postgresql")
    assert many("rds", "describe-db-clusters", *filters, *ids) == ["other-007", "prod"]
    ids = ("--query", "DBInstances[].DBInstanceIdentifier")
    filters = ("--filters", "Name=db-cluster-id,Values=prod")
    assert many("rds", "describe-db-instances", *filters, *ids) == ["prod-1"]


def test_a_cluster_from_creation_to_deletion(fast):
    name, member = ("--db-cluster-identifier", "life"), ("--db-instance-identifier", "life-1")
    made = fast(
        *("rds", "create-db-cluster", *name, *POSTGRES, "--master-username", "dba"),
        *("--master-user-password", "correct horse", "--deletion-protection", "--db-subnet-group-name", "data"),
        *("--vpc-security-group-ids", "sg-1", "sg-2", "--tags", "Key=owner,Value=me"),
        *("--serverless-v2-scaling-configuration", "MinCapacity=0.5,MaxCapacity=2"),
    )["DBCluster"]
    assert (made["Status"], made["DeletionProtection"]) == ("creating", True)
    assert made["TagList"] == [{"Key": "owner", "Value": "me"}]
    assert fast("rds", "wait", "db-cluster-available", *name) is None
    made = fast("rds", "create-db-instance", *member, *name, *POSTGRES, "--db-instance-class", "db.serverless")
    assert made["DBInstance"]["DBInstanceStatus"] == "creating"
    fast("rds", "wait", "db-instance-available", *member)

    modify = ("rds", "modify-db-cluster", *name, "--apply-immediately")
    changed = fast(*modify, "--master-user-password", "another one")["DBCluster"]
    assert changed["PendingModifiedValues"] == {"MasterUserPassword": "****"}
    skip = "--skip-final-snapshot"
    message = fast.refused("InvalidParameterCombination", "rds", "delete-db-cluster", *name, skip)
    assert "disable deletion protection" in message
    assert fast(*modify, "--no-deletion-protection")["DBCluster"]["DeletionProtection"] is False
    changed = fast("rds", "modify-db-instance", *member, "--promotion-tier", "0", "--apply-immediately")
    assert changed["DBInstance"]["DBInstanceIdentifier"] == "life-1"

    message = fast.refused("InvalidDBClusterStateFault", "rds", "delete-db-cluster", *name, skip)
    assert message == "Cluster cannot be deleted, it still contains DB instances in non-deleting state."
    message = fast.refused("InvalidParameterCombination", "rds", "delete-db-cluster", *name)
    assert "FinalDBSnapshotIdentifier is required" in message
    fast("rds", "delete-db-instance", *member, skip)
    fast("rds", "wait", "db-instance-deleted", *member)
    assert fast("rds", "delete-db-cluster", *name, skip)["DBCluster"]["Status"] == "deleting"
    fast("rds", "wait", "db-cluster-deleted", *name)
    fast.refused("DBClusterNotFoundFault", "rds", "describe-db-clusters", *name)
    fast.refused("DBInstanceNotFound", "rds", "describe-db-instances", *member)


def test_a_clone_and_its_tags(fast):
    name, member = ("--db-cluster-identifier", "kid"), ("--db-instance-identifier", "kid-1")
    made = fast.clone("kid")
    assert (made["Status"], made["TagList"]) == ("creating", [{"Key": "team", "Value": "shop"}])
    arn = ("--resource-name", made["DBClusterArn"])
    fast("rds", "create-db-instance", *member, *name, *POSTGRES, *CLASS, "--no-publicly-accessible")
    fast("rds", "wait", "db-instance-available", *member)
    fast("rds", "wait", "db-cluster-available", *name)
    fast("rds", "add-tags-to-resource", *arn, "--tags", "Key=a,Value=1", "Key=b,Value=two words")
    fast("rds", "remove-tags-from-resource", *arn, "--tag-keys", "team", "a")
    assert fast("rds", "list-tags-for-resource", *arn)["TagList"] == [{"Key": "b", "Value": "two words"}]
    group = fast("rds", "describe-db-clusters", *name)["DBClusters"][0]["CloneGroupId"]
    ids = ("--query", "DBClusters[].DBClusterIdentifier")
    filters = ("--filters", f"Name=clone-group-id,Values={group}")
    assert fast("rds", "describe-db-clusters", *filters, *ids) == ["kid", "prod"]
    # Both in a row, as people do it: the cluster goes after its instance.
    fast("rds", "delete-db-instance", *member)
    fast("rds", "delete-db-cluster", *name, "--skip-final-snapshot")
    fast("rds", "wait", "db-cluster-deleted", *name)


def test_what_is_not_ready_refuses(slow):
    name, member = ("--db-cluster-identifier", "late"), ("--db-instance-identifier", "late-1")
    slow.clone("late", "--tags", "Key=k,Value=v")
    slow("rds", "create-db-instance", *member, *name, *POSTGRES, *CLASS)
    assert slow.status("late") == "creating"
    modify = ("rds", "modify-db-cluster", *name, "--master-user-password", "another one")
    assert "not currently in the available state" in slow.refused("InvalidDBClusterStateFault", *modify)
    delete = ("rds", "delete-db-instance", *member)
    slow(*delete)
    assert "already being deleted" in slow.refused("InvalidDBInstanceState", *delete)
    delete = ("rds", "delete-db-cluster", *name, "--skip-final-snapshot")
    slow(*delete)
    assert "already being deleted" in slow.refused("InvalidDBClusterStateFault", *delete)
    done = slow.run("rds", "wait", "db-cluster-available", *name)
    assert done.returncode == FAILED and "Waiter encountered a terminal failure state" in done.stderr


def test_refusals_have_awss_codes(slow):
    restore = ("rds", "restore-db-cluster-to-point-in-time", "--db-cluster-identifier")
    source = ("--source-db-cluster-identifier", "prod", "--restore-type", "copy-on-write")
    latest = "--use-latest-restorable-time"
    slow.refused("DBClusterAlreadyExistsFault", *restore, "prod", *source, latest)
    slow.refused("DBClusterNotFoundFault", *restore, "new", "--source-db-cluster-identifier", "nowhere", latest)
    slow.refused("InvalidParameterValue", *restore, "a--b", *source, latest)
    slow.refused("InvalidParameterCombination", *restore, "new", *source, "--restore-to-time", "2026-01-01T00:00:00Z")
    slow.refused("DBSubnetGroupNotFoundFault", *restore, "new", *source, latest, "--db-subnet-group-name", "nowhere")
    message = slow.refused("InvalidAction", "rds", "describe-db-snapshots")
    assert "not simulated" in message


def test_the_other_services_answer(fast):
    listed = fast("dynamodb", "scan", "--table-name", "requests")
    assert (listed["Items"], listed["Count"]) == ([], 0)
    fast.refused("ResourceNotFoundException", "dynamodb", "scan", "--table-name", "nothing")
    machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:pause"
    assert fast("stepfunctions", "list-executions", "--state-machine-arn", machine)["executions"] == []
    message = fast.refused("ValidationError", "cloudformation", "describe-stacks", "--stack-name", "nowhere")
    assert message == "Stack with id nowhere does not exist"
