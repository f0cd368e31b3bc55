"""What holds the manager's stack together with those that import from it, and its end."""

import pytest

from account import MANAGER, Failed, aws, clone, stack_of
from conftest import PARAMETERS


def living(account):
    """A stack with a clone, which the scenes here share."""
    account.begin_living()
    return account.settled("living", "CREATE_COMPLETE", "UPDATE_COMPLETE")


def test_an_export_that_is_not_there_fails(account):
    template = stack_of(A=clone("shop", ServiceToken={"Fn::ImportValue": "no-such-manager-LambdaArn"}))
    try:
        account.create("no-manager", template)
    except Failed as failed:
        assert "no-such-manager-LambdaArn" in str(failed)
        return
    account.settled("no-manager", "ROLLBACK_COMPLETE")
    assert "no-such-manager-LambdaArn" in str(account.events("no-manager"))


def test_an_update_of_the_manager_keeps_its_clones_and_its_functions_arn(account):
    stack = living(account)
    arn, before = account.stack(MANAGER)["Outputs"]["LambdaArn"], account.picture(stack["StackId"])
    account.deploy_manager(*PARAMETERS, "LogLevel=debug", "SetupDefaultAccess=true")
    manager = account.settled(MANAGER, "UPDATE_COMPLETE")
    assert manager["Outputs"]["LambdaArn"] == arn == account.exports()[f"{MANAGER}-LambdaArn"]
    shown = aws("lambda", "get-function-configuration", "--function-name", arn)["Environment"]["Variables"]
    assert shown["LOG_LEVEL"] == "debug"
    assert account.picture(stack["StackId"]) == before
    # What the new function is asked for, it does with the old one's clone.
    account.update("living", stack_of([("A", "ResourceId")], A=clone("shop", Description="after the update")))
    assert account.settled("living", "UPDATE_COMPLETE")["Outputs"] == stack["Outputs"]


def test_an_import_keeps_the_managers_stack(account):
    living(account)
    imports = aws("cloudformation", "list-imports", "--export-name", f"{MANAGER}-LambdaArn")["Imports"]
    assert "living" in imports
    try:
        account.delete(MANAGER)
    except Failed as failed:
        assert "living" in str(failed) or "import" in str(failed).lower(), failed
    stack = account.settled(MANAGER, "UPDATE_COMPLETE", "CREATE_COMPLETE", "DELETE_FAILED")
    assert account.exports()[f"{MANAGER}-LambdaArn"] == stack["Outputs"]["LambdaArn"]


def test_without_imports_the_managers_stack_goes(account):
    stack = living(account)
    (cluster,) = account.clusters_of(stack["StackId"])["A"]
    secrets = [name for name in account.secret_names() if f"/{cluster}/" in name]
    assert len(secrets) == 1
    account.delete("living")
    account.settled("living", "DELETE_COMPLETE")
    account.gone(stack["StackId"], secrets)
    account.delete(MANAGER)
    account.settled(MANAGER, "DELETE_COMPLETE")
    assert not [name for name in account.exports() if name.startswith(MANAGER)]
    with pytest.raises(Failed, match="ParameterNotFound"):
        aws("ssm", "get-parameter", "--name", f"/{MANAGER}/maintenance-config")
