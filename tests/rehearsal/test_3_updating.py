"""Stacks whose clones are changed: in place, by another one, and back again."""

import pytest

from account import clone, stack_of, until

pytestmark = pytest.mark.together

OUTPUTS = [("A", "ClusterId"), ("A", "ResourceId"), ("A", "PasswordSecret")]


def created(account, name, **properties):
    account.create(name, stack_of(OUTPUTS, A=clone("orders", **properties)))
    return account.settled(name, "CREATE_COMPLETE")


def deleted(account, stack, *secrets):
    account.delete(stack["StackName"])
    account.settled(stack["StackName"], "DELETE_COMPLETE")
    account.gone(stack["StackId"], secrets)


def secret_name(account, stack):
    return account.secrets.describe_secret(SecretId=stack["Outputs"]["APasswordSecret"])["Name"]


def test_an_update_in_place(account):
    before = created(account, "in-place", Tags={"team": "one"})
    cluster = before["Outputs"]["AClusterId"]
    assert account.tags(cluster)["team"] == "one" and len(account.clusters()[cluster]["instances"]) == 1
    account.update("in-place", stack_of(OUTPUTS, A=clone("orders", Tags={"project": "q3"}, InstanceCount="2")))
    after = account.settled("in-place", "UPDATE_COMPLETE")
    assert after["Outputs"] == before["Outputs"]
    tags = account.tags(cluster)
    assert tags["project"] == "q3" and "team" not in tags
    assert [one["status"] for one in account.clusters()[cluster]["instances"]] == ["available", "available"]
    deleted(account, before, secret_name(account, before))


def test_a_replacement_and_then_the_old_one_goes(account):
    before = created(account, "replaced")
    old, old_secret = before["Outputs"]["AClusterId"], secret_name(account, before)
    account.update("replaced", stack_of(OUTPUTS, A=clone("orders", Port="5544")))
    both = until("both are there", lambda: account.clusters_of(before["StackId"]).get("A", [])[1:] and account.clusters())
    assert both[old]["status"] == "available"
    after = account.settled("replaced", "UPDATE_COMPLETE")
    new = after["Outputs"]["AClusterId"]
    assert new != old and account.clusters()[new]["status"] == "available"
    assert account.rds.describe_db_clusters(DBClusterIdentifier=new)["DBClusters"][0]["Port"] == 5544
    until("the old one is gone", lambda: old not in account.clusters() and old_secret not in account.secret_names())
    deleted(account, after, secret_name(account, after))


def spoiled(**properties):
    """A change of A, and then a resource that fails."""
    bad = clone("orders", SourceClusterId="no-such-cluster")
    return stack_of(OUTPUTS, A=clone("orders", **properties), Bad={**bad, "DependsOn": "A"})


def test_a_rolled_back_update_leaves_everything_as_it_was(account):
    before = created(account, "back-in-place", Tags={"team": "one"})
    picture = account.picture(before["StackId"])
    account.update("back-in-place", spoiled(Tags={"team": "two"}, BackupRetentionPeriod="5"))
    cluster = before["Outputs"]["AClusterId"]
    until("it was changed", lambda: account.tags(cluster)["team"] == "two")
    after = account.settled("back-in-place", "UPDATE_ROLLBACK_COMPLETE")
    assert after["Outputs"] == before["Outputs"]
    assert account.picture(before["StackId"]) == picture
    deleted(account, before, secret_name(account, before))


def test_a_rolled_back_replacement_goes_back_to_the_old_one(account):
    before = created(account, "back-to-the-old")
    picture = account.picture(before["StackId"])
    account.update("back-to-the-old", spoiled(Port="5544"))
    old = before["Outputs"]["AClusterId"]
    (other,) = until("another one is there", lambda: set(account.clusters_of(before["StackId"])["A"]) - {old})
    after = account.settled("back-to-the-old", "UPDATE_ROLLBACK_COMPLETE")
    assert after["Outputs"] == before["Outputs"]
    until("the other one is gone", lambda: other not in account.clusters())
    assert account.picture(before["StackId"]) == picture
    assert not [name for name in account.secret_names() if other in name]
    deleted(account, before, secret_name(account, before))


def test_a_delete_leaves_nothing(account):
    before = created(account, "deleted", ForceCreateKmsKey="true")
    cluster, secret = before["Outputs"]["AClusterId"], secret_name(account, before)
    assert cluster in account.clusters() and secret in account.secret_names()
    instances = {one["id"] for one in account.clusters()[cluster]["instances"]}
    deleted(account, before, secret)
    left = {one["DBInstanceIdentifier"] for one in account.rds.describe_db_instances()["DBInstances"]}
    assert instances and not instances & left
    until("EventBridge is told", lambda: [1 for one in account.told("clone-deleted") if one["stackId"] == before["StackId"]])
