"""Stacks that ask for clones: those that get them, and those that do not."""

from account import aws, clone, stack_of
from engines import REPOSITORY


def test_a_success_with_outputs(account, told):
    aws("cloudformation", "deploy", "--stack-name", "my-clones", "--template-file", REPOSITORY / "example/template.yaml",
        "--parameter-overrides", "SourceClusterId=shop")
    outputs = account.settled("my-clones", "CREATE_COMPLETE")["Outputs"]
    clusters = account.clusters()
    assert len(account.clones_of("shop")) == 3
    for name in ("Review", "Report", "LoadTest"):
        cluster, keys = outputs[f"{name}ClusterId"], account.password(outputs[f"{name}PasswordSecret"])
        truth = clusters[cluster]
        assert (truth["status"], truth["copy_on_write"], truth["sources_password"]) == ("available", True, False)
        assert [one["status"] for one in truth["instances"]] == ["available"]
        assert keys["host"] == outputs[f"{name}Endpoint"] and keys["dbClusterIdentifier"] == cluster
        assert account.engines.opens(cluster, keys["password"]) and not account.engines.opens("shop", keys["password"])
        assert outputs[f"{name}SourceArn"].endswith(":cluster:shop")
    ready = {event["detail"]["outputs"]["ClusterId"] for event in told() if event["detail-type"] == "clone-ready"}
    assert {outputs[f"{name}ClusterId"] for name in ("Review", "Report", "LoadTest")} <= ready
