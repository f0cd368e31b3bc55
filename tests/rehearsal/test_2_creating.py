"""Stacks that ask for clones: those that get them, and those that do not."""

import pytest

from account import aws, clone, stack_of, until
from engines import REPOSITORY

pytestmark = pytest.mark.together

# MiniStack joins an empty list parameter to something that is not empty, so its condition holds without this as well.
READER = "arn:aws:iam::123456789012:role/reports"


def test_the_examples_clone_has_its_outputs(account):
    aws("cloudformation", "deploy", "--stack-name", "my-clone", "--template-file", REPOSITORY / "example/template.yaml",
        "--parameter-overrides", "SourceClusterId=shop", f"AccessPrincipalArns={READER}")
    stack = account.settled("my-clone", "CREATE_COMPLETE")
    outputs, cluster = stack["Outputs"], stack["Outputs"]["CloneClusterId"]
    assert outputs["CloneClusterArn"].endswith(f":cluster:{cluster}") and cluster in account.clones_of("shop")
    assert account.kept(outputs["ClonePasswordSecret"])["host"] == outputs["CloneClusterEndpoint"]
    assert account.opens(outputs["ClonePasswordSecret"], cluster)
    account.delete("my-clone")
    account.settled("my-clone", "DELETE_COMPLETE")
    account.gone(stack["StackId"], [])


def test_a_success_with_outputs(account):
    aws("cloudformation", "deploy", "--stack-name", "my-clones", "--template-file", REPOSITORY / "example/several-clones.yaml",
        "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", "SourceClusterId=shop")
    outputs = account.settled("my-clones", "CREATE_COMPLETE")["Outputs"]
    clusters = account.clusters()
    assert {outputs[f"{name}ClusterId"] for name in ("Review", "Report", "LoadTest")} <= set(account.clones_of("shop"))
    for name in ("Review", "Report", "LoadTest"):
        cluster, secret = outputs[f"{name}ClusterId"], outputs[f"{name}PasswordSecret"]
        truth, kept = clusters[cluster], account.kept(secret)
        assert (truth["status"], truth["copy_on_write"], truth["sources_password"]) == ("available", True, False)
        assert [one["status"] for one in truth["instances"]] == ["available"]
        assert kept["host"] == outputs[f"{name}Endpoint"] and kept["dbClusterIdentifier"] == cluster
        assert account.opens(secret, cluster) and not account.opens(secret, "shop")
        assert outputs[f"{name}SourceArn"].endswith(":cluster:shop")
    ids = {outputs[f"{name}ClusterId"] for name in ("Review", "Report", "LoadTest")}
    until("EventBridge is told", lambda: ids <= {detail["outputs"]["ClusterId"] for detail in account.told("clone-ready")})
    stack_id, secrets = account.stack("my-clones")["StackId"], account.secret_names()
    account.delete("my-clones")
    account.settled("my-clones", "DELETE_COMPLETE")
    account.gone(stack_id, [name for name in secrets if any(f"/{cluster}/" in name for cluster in ids)])


def test_a_bad_property_fails_and_rolls_back(account):
    account.create("bad-property", stack_of(A=clone("orders", InstanceCuont="1")))
    stack = account.settled("bad-property", "ROLLBACK_COMPLETE")
    assert any("InstanceCuont" in reason and "InstanceCount" in reason for reason in account.reasons("bad-property"))
    account.gone(stack["StackId"], [])
    account.delete("bad-property")


def test_a_create_that_fails_after_the_restore_leaves_nothing(account):
    account.create("fails-late", stack_of(A=clone("orders", ClusterId="clone-fails-late", DBParameterGroupName="not-there")))
    until("it is restored", lambda: "clone-fails-late" in account.clusters())
    stack = account.settled("fails-late", "ROLLBACK_COMPLETE")
    assert any("not-there" in reason for reason in account.reasons("fails-late")), account.reasons("fails-late")
    # The answer comes when the deletion is asked for; MiniStack sends no Delete that would wait for its end.
    until("the rest is gone", lambda: "clone-fails-late" not in account.clusters())
    assert not [name for name in account.secret_names() if "clone-fails-late" in name]
    account.delete("fails-late")
    until("EventBridge is told", lambda: [1 for one in account.told("clone-failed") if one["stackId"] == stack["StackId"]])


def test_several_stacks_at_once_on_the_last_slots(account):
    """Two slots of `prod` are left, one of them the margin's; it has a copy. `ledger` is as full and has none."""
    volume = account.clusters()["prod"]["volume"]
    for number in range(13):
        account.rds.restore_db_cluster_to_point_in_time(
            SourceDBClusterIdentifier="ledger", DBClusterIdentifier=f"ledger-by-hand-{number}",
            DBClusterParameterGroupName="prod-params", RestoreType="copy-on-write", UseLatestRestorableTime=True,
        )
    assert (len(account.clones_of("prod")), len(account.clones_of("ledger"))) == (13, 13)
    wanted = [(f"last-{source}-{number}", source) for number in (1, 2, 3) for source in ("prod", "ledger")]
    for name, source in wanted:
        account.create(name, stack_of([("A", "SourceArn"), ("A", "ClusterId"), ("A", "RestoreType")], A=clone(source)))
    stacks = {name: account.settled(name, "CREATE_COMPLETE", "ROLLBACK_COMPLETE") for name, _ in wanted}

    def sources(source):
        outputs = [stack["Outputs"] for name, stack in stacks.items() if f"-{source}-" in name]
        return sorted(one["ASourceArn"].rsplit(":", 1)[1] if one else "refused" for one in outputs)

    assert sources("prod") == ["clone-prod-pool-1", "clone-prod-pool-1", "prod"]
    assert sources("ledger") == ["ledger", "refused", "refused"]
    assert (len(account.clones_of("prod")), len(account.clones_of("ledger"))) == (14, 14)
    assert account.clusters()["prod"]["volume"] == volume
    for cluster in account.clusters().values():
        assert not cluster["became_full_copy"], cluster
    for name, stack in stacks.items():
        if not stack["Outputs"]:
            assert any("slot" in reason for reason in account.reasons(name)), account.reasons(name)
        account.delete(name)
    for name, stack in stacks.items():
        account.settled(name, "DELETE_COMPLETE")
        account.gone(stack["StackId"], [])
    assert (len(account.clones_of("prod")), len(account.clones_of("ledger"))) == (13, 13)


def test_an_aborted_execution_is_answered_by_the_last_resort(account):
    account.create("aborted", stack_of(Aborted=clone("orders", ClusterId="clone-aborted")))
    until("it is restored", lambda: "clone-aborted" in account.clusters())
    machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:aurora-clone-manager-clone"
    running = account.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    (execution,) = [one["executionArn"] for one in running if one["name"].startswith("Aborted-")]
    aws("stepfunctions", "stop-execution", "--execution-arn", execution)
    account.settled("aborted", "ROLLBACK_COMPLETE")
    assert any("ABORTED" in reason for reason in account.reasons("aborted")), account.reasons("aborted")
    # At AWS a Delete comes now. Here none does, and what the last resort itself takes down is all that goes.
    until("the cluster is gone", lambda: "clone-aborted" not in account.clusters())
    account.delete("aborted")
