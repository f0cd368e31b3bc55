"""The manager's stack, as `build.sh` deploys it."""

import yaml

from account import MANAGER, Loose, aws
from conftest import PARAMETERS
from engines import REPOSITORY

TEMPLATE = yaml.load((REPOSITORY / "template" / "template.yaml").read_text(), Loader=Loose)


def test_the_managers_stack_deploys_with_every_resource(account):
    listed = aws("cloudformation", "describe-stack-resources", "--stack-name", MANAGER)["StackResources"]
    made = {resource["LogicalResourceId"]: resource for resource in listed}
    unconditional = {name for name, resource in TEMPLATE["Resources"].items() if "Condition" not in resource}
    assert unconditional <= set(made) <= set(TEMPLATE["Resources"])
    for name, resource in made.items():
        assert resource["ResourceStatus"] == "CREATE_COMPLETE", name
        assert resource["ResourceType"] == TEMPLATE["Resources"][name]["Type"] and resource["PhysicalResourceId"], name

    outputs, exports = account.stack(MANAGER)["Outputs"], account.exports()
    named = {name: output for name, output in TEMPLATE["Outputs"].items() if "Condition" not in output}
    assert set(named) <= set(outputs)
    for name, output in named.items():
        if "Export" in output:
            assert exports[output["Export"]["Name"].replace("${AWS::StackName}", MANAGER)] == outputs[name], name
    assert exports[f"{MANAGER}-LambdaArn"] == outputs["LambdaArn"]
    function = aws("lambda", "get-function", "--function-name", outputs["LambdaName"])["Configuration"]
    assert (function["FunctionArn"], function["Handler"]) == (outputs["LambdaArn"], "clone-handler")


def test_deploying_the_same_again_changes_nothing(account):
    before = account.stack(MANAGER)
    account.deploy_manager(*PARAMETERS)
    assert account.stack(MANAGER) == before
