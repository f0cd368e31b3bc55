"""The whole manager behind the served fake AWS, as somebody meets it who tries a template or a policy: `aurora-clone sim serve`."""

import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

import boto3
import pytest

AWS = pathlib.Path(sys.executable).parent / "aws"
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
MANAGER = "aurora-clone-manager"
PROGRAM = shlex.split(os.environ.get("AURORA_CLONE", "target/debug/aurora-clone"))
PATIENCE_SECONDS = 100
TEMPLATE = """
Parameters:
  Manager: {Type: String, Default: aurora-clone-manager}
Resources:
  Clone:
    Type: Custom::AuroraClone
    Properties:
      ServiceToken:
        Fn::ImportValue: !Sub "${Manager}-LambdaArn"
      SourceClusterId: prod
Outputs:
  Endpoint: {Value: !GetAtt Clone.Endpoint}
"""


def until(what, look):
    began = time.monotonic()
    while not (found := look()):
        assert time.monotonic() - began < PATIENCE_SECONDS, f"waited in vain: {what}"
        time.sleep(0.3)
    return found


@pytest.fixture(scope="module")
def url():
    command = [*PROGRAM, "sim", "serve", "--speed", "600", "--for", "600", "--clusters", "prod"]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip()
    process.terminate()
    _, hints = process.communicate(timeout=30)
    assert "its functions run" in hints, hints


@pytest.fixture(scope="module")
def made(url):
    return lambda service: boto3.client(service, endpoint_url=url)


def test_who_somebody_is_and_what_the_account_allows(made):
    assert made("sts").get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/AKIAPERSON"
    quotas = made("rds").describe_account_attributes()["AccountQuotas"]
    quotas = {quota["AccountQuotaName"]: (quota["Used"], quota["Max"]) for quota in quotas}
    assert quotas["DBClusters"][1] == 40 and quotas["DBInstances"][0] >= 2, quotas
    (group,) = made("rds").describe_db_subnet_groups(DBSubnetGroupName="data")["DBSubnetGroups"]
    assert len({subnet["SubnetAvailabilityZone"]["Name"] for subnet in group["Subnets"]}) == 3
    (group,) = made("rds").describe_db_cluster_parameter_groups(DBClusterParameterGroupName="prod-params")["DBClusterParameterGroups"]
    assert group["DBParameterGroupFamily"] == "aurora-postgresql16"


def test_the_stack_and_what_its_roles_may_do(made):
    (stack,) = made("cloudformation").describe_stacks(StackName=MANAGER)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert {"LambdaArn", "MaintainerName", "RoleArn"} <= outputs.keys()
    asked = {"PolicySourceArn": outputs["RoleArn"], "ActionNames": ["rds:DescribeDBClusters", "rds:StartExportTask"]}
    results = made("iam").simulate_principal_policy(**asked)["EvaluationResults"]
    assert [result["EvalDecision"] for result in results] == ["allowed", "explicitDeny"]


def test_a_template_is_deployed_and_its_stack_deleted(url, made, tmp_path):
    (template := tmp_path / "web.yaml").write_text(TEMPLATE)
    cloudformation = made("cloudformation")
    deploy = [AWS, "--endpoint-url", url, "cloudformation", "deploy", "--stack-name", "web", "--template-file", template]
    deployed = subprocess.run(deploy, capture_output=True, text=True, timeout=100)
    status = cloudformation.describe_stacks(StackName="web")["Stacks"][0]["StackStatus"]
    assert (deployed.returncode, status) == (0, "CREATE_COMPLETE"), deployed
    again = subprocess.run([*deploy, "--no-fail-on-empty-changeset"], capture_output=True, text=True, timeout=100)
    assert (again.returncode, "No changes to deploy" in again.stdout) == (0, True), again
    clones = lambda: [c for c in made("rds").describe_db_clusters()["DBClusters"] if c["DBClusterIdentifier"] != "prod"]
    assert len(clones()) == 1
    cloudformation.delete_stack(StackName="web")
    until("the clone's end", lambda: not clones())
    violations = subprocess.run(["curl", "-s", "--noproxy", "*", f"{url}/_sim/state"], capture_output=True, text=True)
    assert json.loads(violations.stdout)["violations"] == []


def test_a_maintenance_configuration_gets_its_copy(made):
    name = f"/{MANAGER}/maintenance-config"
    source = {"cluster-id": "prod", "target-clone-slots": 20}
    made("ssm").put_parameter(Name=name, Overwrite=True, Value=json.dumps({"clusters": [source]}))
    copies = lambda: [c for c in made("rds").describe_db_clusters()["DBClusters"] if "-copy-" in c["DBClusterIdentifier"]]
    # The schedule of the night: at most a day, which is 144 seconds here.
    began = time.monotonic()
    while not copies():
        assert time.monotonic() - began < 170, "no copy is made"
        time.sleep(0.5)
    logs = made("logs")
    (stack,) = made("cloudformation").describe_stack_resources(StackName=MANAGER, LogicalResourceId="PoolMaintainerLogs")["StackResources"]
    events = logs.filter_log_events(logGroupName=stack["PhysicalResourceId"], filterPattern='{ $.message = "pool" }')["events"]
    assert events, "the maintainer logs nothing"
    metrics = made("cloudwatch").list_metrics(Namespace="AuroraCloneManager", MetricName="FreeSlots")["Metrics"]
    assert {"Name": "Source", "Value": "prod"} in metrics[0]["Dimensions"], metrics
