"""The pool's maintainer: invoked by Scheduler, and told what to do through SSM as the README says."""

import json

import pytest

from account import MANAGER, aws, until
from engines import FOLDER

pytestmark = pytest.mark.together

PARAMETER = f"/{MANAGER}/maintenance-config"
CONFIGURATION = {"clusters": [{"cluster-id": "warehouse", "target-clone-slots": 20, "max-copies": 2}]}


def put(configuration):
    file = FOLDER / "pool.json"
    file.write_text(json.dumps(configuration))
    aws("ssm", "put-parameter", "--name", PARAMETER, "--type", "String", "--overwrite", "--value", file.as_uri())


def test_the_schedules_fire_and_the_maintainer_runs(account):
    def runs():
        lines = account.log_lines("PoolMaintainer")
        return {schedule for schedule in ("maintain", "sweep") if any(f'"{schedule}"' in line for line in lines)}

    until("both schedules have fired", lambda: runs() == {"maintain", "sweep"})


def test_the_maintainer_makes_a_copy_that_was_planned(account):
    put({"dry-run": True, **CONFIGURATION})
    name = account.stack(MANAGER)["Outputs"]["MaintainerName"]
    out = FOLDER / "plan.json"
    # Version 2 of the AWS CLI wants `--cli-binary-format raw-in-base64-out` as well.
    aws("lambda", "invoke", "--function-name", name, "--payload", '{"plan": true}', out)
    plan = json.loads(out.read_text())
    assert "warehouse" in json.dumps(plan) and "errorMessage" not in plan, plan
    assert account.clones_of("warehouse") == []
    put(CONFIGURATION)

    def copies():
        clusters = account.clusters().values()
        return [one for one in clusters if one["id"].startswith("clone-warehouse") and one["status"] == "available"]

    (copy,) = until("a copy is made", copies)
    assert (copy["copy_on_write"], copy["became_full_copy"]) == (False, False)
    tags = account.tags(copy["id"])
    assert (tags["aurora-clone:role"], tags["aurora-clone:root"]) == ("copy", "warehouse")
    until("EventBridge is told", lambda: account.told("copy-ready"))
