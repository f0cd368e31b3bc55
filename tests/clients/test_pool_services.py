"""What the pool's maintainer calls beside the handler, by boto3 and the AWS CLI: Parameter Store, listings, snapshots."""

import json
import pathlib
import subprocess
import sys
import uuid

import pytest
from botocore.exceptions import ClientError

SLOW = ("--speed", "0.01")
FAST = ("--speed", "3600")
PARAMETER = "/aurora-clone-manager/maintenance-config"


def code(error):
    return error.value.response["Error"]["Code"]


def test_a_parameter_is_put_and_read(serve, client):
    ssm = client("ssm", serve(*SLOW))
    name = f"/test/{uuid.uuid4().hex}"
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=name, WithDecryption=True)
    assert ssm.put_parameter(Name=name, Type="String", Value="1")["Version"] == 1
    with pytest.raises(ssm.exceptions.ParameterAlreadyExists):
        ssm.put_parameter(Name=name, Type="String", Value="2")
    put = ssm.put_parameter(Name=name, Value="2", Overwrite=True)
    assert (put["Version"], put["Tier"]) == (2, "Standard")
    found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (found["Name"], found["Type"], found["Value"], found["Version"]) == (name, "String", "2", 2)
    with pytest.raises(ClientError) as error:
        ssm.put_parameter(Name=name, Value="x" * 4097, Overwrite=True, Tier="Standard")
    assert code(error) == "ValidationException"


def test_the_readmes_command_puts_the_configuration(serve, tmp_path):
    readme = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text()
    (configuration,) = [block.split("```")[0] for block in readme.split("```json\n")[1:] if '"clusters"' in block]
    (tmp_path / "pool.json").write_text(configuration)
    (command,) = [line.split() for line in readme.splitlines() if line.startswith("    aws ssm put-parameter ")]
    aws = [pathlib.Path(sys.executable).parent / "aws", "--endpoint-url", serve(*SLOW), "--output", "json"]

    def run(*arguments):
        done = subprocess.run([*aws, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=100)
        assert (done.returncode, done.stderr) == (0, ""), done
        return json.loads(done.stdout)

    # CloudFormation made the parameter; the command overwrites it.
    run("ssm", "put-parameter", "--name", PARAMETER, "--type", "String", "--value", '{"clusters": []}')
    run(*command[1:])
    found = run("ssm", "get-parameter", "--name", PARAMETER)["Parameter"]
    assert (found["Version"], json.loads(found["Value"])) == (2, json.loads(configuration))


def test_secrets_are_listed_by_their_prefix_and_tag(serve, client):
    secrets = client("secretsmanager", serve(*SLOW))
    prefix = f"/{uuid.uuid4().hex}/"
    tags = [{"Key": "aurora-clone:manager", "Value": "manager"}]
    for number in range(3):
        secrets.create_secret(Name=f"{prefix}{number}", SecretString="hush", Tags=tags if number else [])
    filters = [{"Key": "name", "Values": [prefix]}]
    pages = secrets.get_paginator("list_secrets").paginate(Filters=filters, PaginationConfig={"PageSize": 2})
    found = {secret["Name"] for page in pages for secret in page["SecretList"]}
    assert found == {f"{prefix}{number}" for number in range(3)}
    filters += [{"Key": "tag-key", "Values": ["aurora-clone:manager"]}]
    tagged = secrets.list_secrets(Filters=filters)["SecretList"]
    assert {secret["Name"] for secret in tagged} == {f"{prefix}1", f"{prefix}2"}
    assert all(secret["Tags"] == tags for secret in tagged)


def test_aliases_are_listed_in_pages(serve, client):
    kms = client("kms", serve(*SLOW))
    names = [f"alias/aurora-clone/{uuid.uuid4().hex}" for _ in range(3)]
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    pages = kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 2})
    found = {alias["AliasName"]: alias for page in pages for alias in page["Aliases"]}
    assert set(names) <= set(found) and all(found[name]["TargetKeyId"] for name in names)


def test_a_snapshot_is_taken_restored_and_deleted(serve, client):
    rds = client("rds", serve(*FAST))
    tags = [{"Key": "aurora-clone:manager", "Value": "manager"}]
    taken = rds.create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier="taken", DBClusterIdentifier="prod", Tags=tags
    )["DBClusterSnapshot"]
    assert (taken["SnapshotType"], taken["Status"], taken["TagList"]) == ("manual", "creating", tags)
    with pytest.raises(rds.exceptions.DBClusterSnapshotAlreadyExistsFault):
        rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="taken", DBClusterIdentifier="prod")
    waiting = {"Delay": 1, "MaxAttempts": 60}
    rds.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier="taken", WaiterConfig=waiting)
    (listed,) = rds.describe_db_cluster_snapshots(DBClusterIdentifier="prod", SnapshotType="manual")["DBClusterSnapshots"]
    assert (listed["DBClusterSnapshotIdentifier"], listed["PercentProgress"]) == ("taken", 100)
    restored = rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="from-snapshot", SnapshotIdentifier="taken", Engine="aurora-postgresql", Tags=tags
    )["DBCluster"]
    assert (restored["Status"], restored["TagList"]) == ("creating", tags)
    with pytest.raises(rds.exceptions.DBClusterAlreadyExistsFault):
        rds.restore_db_cluster_from_snapshot(
            DBClusterIdentifier="from-snapshot", SnapshotIdentifier="taken", Engine="aurora-postgresql"
        )
    with pytest.raises(rds.exceptions.DBClusterSnapshotNotFoundFault):
        rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="other")
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="from-snapshot", WaiterConfig=waiting)
    assert rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="taken")["DBClusterSnapshot"]
    rds.get_waiter("db_cluster_snapshot_deleted").wait(DBClusterSnapshotIdentifier="taken", WaiterConfig=waiting)
