"""What the examples run beside CloudFormation: their functions' code, under a boto3 that is none, and what CI runs.

That their clones, outputs, policies and rules are right is shown by tests/all/examples.rs.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "example"
PASSWORD = "correct-horse-battery-staple"
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:/aurora-clone-manager/clone-a/ab12-AbCdEf"
SECRET = {
    "engine": "postgres",
    "host": "clone-a.example",
    "port": 5432,
    "username": "dba",
    "password": PASSWORD,
    "dbname": "app",
    "dbClusterIdentifier": "clone-a",
}
# Longer ones CloudFormation took only later, and not everywhere.
LONGEST_INLINE_CODE = 4096

BOTO3 = """
import json, os, pathlib
class Client:
    def get_secret_value(self, SecretId):
        with open("asked", "a") as asked:
            asked.write(SecretId + "\\n")
        if "REFUSE" in os.environ:
            raise PermissionError("AccessDeniedException")
        return {"ARN": SecretId, "SecretString": pathlib.Path("secret").read_text()}
def client(service):
    assert service == "secretsmanager", service
    return Client()
"""
RUN = "import json, index, sys; print('ANSWER', json.dumps(index.handler(json.loads(sys.argv[1]), None)))"


class Loader(yaml.SafeLoader):
    """Templates, in which what CloudFormation works out stays as it stands."""


def by_tag(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        return {suffix: node.value}
    return {suffix: loader.construct_sequence(node, deep=True)}


Loader.add_multi_constructor("!", by_tag)


def template(name):
    return yaml.load((EXAMPLE / name).read_text(), Loader)


class Function:
    def __init__(self, name, resource, folder):
        self.properties = template(name)["Resources"][resource]["Properties"]
        self.folder = folder
        code = self.properties["Code"]["ZipFile"]
        assert len(code) <= LONGEST_INLINE_CODE
        (folder / "index.py").write_text(code)
        (folder / "boto3.py").write_text(BOTO3)
        (folder / "secret").write_text(json.dumps(SECRET))

    def run(self, event, **variables):
        """The process, and what the handler returned. No password is in anything that it says."""
        command = [sys.executable, "-B", "-c", RUN, json.dumps(event)]
        done = subprocess.run(
            command, cwd=self.folder, env={"PATH": os.environ["PATH"], **variables}, capture_output=True, text=True, timeout=60
        )
        assert PASSWORD not in done.stdout + done.stderr
        answers = [line.removeprefix("ANSWER ") for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
        return done, json.loads(answers[0]) if answers else None

    def asked(self):
        asked = self.folder / "asked"
        return asked.read_text().splitlines() if asked.exists() else []


def test_the_application_says_where_it_would_connect_to(tmp_path):
    function = Function("several-clones.yaml", "ReportReader", tmp_path)
    assert list(function.properties["Environment"]["Variables"]) == ["SECRET_ARN"]
    assert function.properties["Handler"] == "index.handler"
    done, answer = function.run({}, SECRET_ARN=ARN)
    assert (done.returncode, done.stderr) == (0, "")
    assert answer == {"engine": "postgres", "host": "clone-a.example", "port": 5432, "user": "dba", "database": "app"}
    assert function.asked() == [ARN]


def test_the_application_fails_where_it_may_not_read(tmp_path):
    function = Function("several-clones.yaml", "ReportReader", tmp_path)
    done, answer = function.run({}, SECRET_ARN=ARN, REFUSE="1")
    assert (done.returncode, answer) == (1, None) and "AccessDeniedException" in done.stderr


def event(**changes):
    """The event as docs/events.md shows it."""
    page = (EXAMPLE.parent / "docs/events.md").read_text()
    blocks = [json.loads(block.split("```")[0]) for block in page.split("```json\n")[1:]]
    (shown,) = [block for block in blocks if block["detail-type"] == "lifecycle-event/instance-ready"]
    shown["detail"].update(changes)
    return shown


def test_a_new_instance_is_prepared_once_and_the_log_has_no_password(tmp_path):
    function = Function("on-instance-ready.yaml", "Prepare", tmp_path)
    assert list(function.properties["Environment"]["Variables"]) == ["IS_IN_VPC"]
    told = event()
    done, answer = function.run(told, IS_IN_VPC="false")
    assert (done.returncode, done.stderr) == (0, "")
    detail = told["detail"]
    where = {"host": detail["host"], "port": 5432, "user": "dba", "database": "app"}
    assert answer == {"prepared": True, **where}
    logged = json.loads(done.stdout.splitlines()[0])
    assert logged == {"prepared": detail["clusterId"], **where, "secret": sorted(SECRET)}
    assert function.asked() == [detail["passwordSecret"]]
    # The second instance of the same clone is none of its business.
    done, answer = function.run(event(instanceId=detail["clusterId"] + "-2"), IS_IN_VPC="false")
    assert (done.returncode, answer["prepared"], len(function.asked())) == (0, False, 1)


def test_a_database_that_can_not_be_reached_or_read_is_a_failure(tmp_path):
    function = Function("on-instance-ready.yaml", "Prepare", tmp_path)
    # Nobody listens there.
    done, answer = function.run(event(host="127.0.0.1", port=9), IS_IN_VPC="true")
    assert (done.returncode, answer) == (1, None) and "ConnectionRefusedError" in done.stderr
    done, answer = function.run(event(), IS_IN_VPC="false", REFUSE="1")
    assert (done.returncode, answer) == (1, None)


# An AWS CLI for one stack: its state is the file `stack`, and each call a line of `calls`.
AWS = """#!{python}
import json, pathlib, sys
home = pathlib.Path("{home}")
words = sys.argv[1:]
with open(home / "calls", "a") as calls:
    calls.write(" ".join(words) + "\\n")
state = json.loads((home / "stack").read_text())
query = words[words.index("--query") + 1] if "--query" in words else ""
def refuse(text):
    sys.exit("An error occurred " + text)
if words[:2] == ["cloudformation", "describe-stacks"]:
    if "denied" in state:
        refuse("(AccessDenied) when calling the DescribeStacks operation: no")
    if not state.get("status"):
        refuse("(ValidationError) when calling the DescribeStacks operation: Stack with id x does not exist")
    print(state["status"] if "StackStatus" in query else "the " + query.split("'")[1])
elif words[:2] == ["rds", "describe-db-clusters"]:
    if not state.get("cluster"):
        refuse("(DBClusterNotFoundFault) when calling the DescribeDBClusters operation: no")
    print(state["cluster"])
elif words[:2] == ["cloudformation", "deploy"]:
    state = dict(status="CREATE_COMPLETE", cluster="available")
elif words[:2] == ["cloudformation", "delete-stack"]:
    state = dict()
elif words[:2] != ["cloudformation", "wait"]:
    refuse("not faked")
(home / "stack").write_text(json.dumps(state))
"""


@pytest.fixture
def pull_request(tmp_path):
    """A function that runs the script while the stack is in a state: the process, and the calls that change something."""
    aws = tmp_path / "bin" / "aws"
    aws.parent.mkdir()
    aws.write_text(AWS.format(python=sys.executable, home=tmp_path))
    aws.chmod(0o755)

    def run(state, *arguments, **variables):
        (tmp_path / "stack").write_text(json.dumps(state))
        (tmp_path / "calls").write_text("")
        environment = {"PATH": f"{aws.parent}:{os.environ['PATH']}", "PROJECT": "shop", "SOURCE_CLUSTER_ID": "prod", **variables}
        script = EXAMPLE / "pull-request.sh"
        done = subprocess.run([script, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
        return done, [call for call in calls if not call[1].startswith("describe-")]

    return run


def test_a_push_makes_a_stack_or_finds_it(pull_request, tmp_path):
    output = tmp_path / "output"
    for state in ({}, {"status": "UPDATE_COMPLETE", "cluster": "available"}):
        done, calls = pull_request(state, "up", "17", GITHUB_OUTPUT=str(output))
        assert done.returncode == 0, done
        (deploy,) = calls
        assert deploy[:4] == ["cloudformation", "deploy", "--stack-name", "shop-pr-17"]
        assert "--no-fail-on-empty-changeset" in deploy
        given = dict(word.split("=", 1) for word in deploy[deploy.index("--parameter-overrides") + 1 :])
        parameters = template("pull-request.yaml")["Parameters"]
        assert set(given) == set(parameters)
        assert (given["SourceClusterId"], given["Project"], given["PullRequest"]) == ("prod", "shop", "17")
        for name in ("NamePrefix", "ExpiresAfter", "CloneManagerStack"):
            assert given[name] == parameters[name]["Default"]
        lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
        assert set(lines) < set(template("pull-request.yaml")["Outputs"]) and "PasswordSecret" in lines
    assert output.read_text().count("PasswordSecret=the PasswordSecret") == 2


@pytest.mark.parametrize(
    "state",
    [
        {"status": "CREATE_COMPLETE"},
        {"status": "CREATE_COMPLETE", "cluster": "deleting"},
        {"status": "ROLLBACK_COMPLETE"},
    ],
)
def test_a_database_that_is_gone_is_made_anew(pull_request, state):
    done, calls = pull_request(state, "up", "17")
    assert done.returncode == 0, done
    assert [call[1] for call in calls] == ["delete-stack", "wait", "deploy"]


def test_nothing_is_done_where_it_is_not_clear_what(pull_request):
    for state, arguments, says in [
        ({"status": "CREATE_IN_PROGRESS"}, ("up", "17"), "another run is at it"),
        ({"denied": True}, ("up", "17"), "AccessDenied"),
        ({"denied": True}, ("down", "17"), "AccessDenied"),
        ({}, ("up", "x"), "should be a number"),
        ({}, ("up", "017"), "should be a number"),
        ({}, ("sideways", "17"), "should be up or down"),
        ({}, ("up",), "usage"),
    ]:
        done, calls = pull_request(state, *arguments)
        assert (done.returncode, calls) == (1, []) and says in done.stderr, done


def test_a_closed_request_leaves_no_stack(pull_request):
    done, calls = pull_request({"status": "UPDATE_COMPLETE", "cluster": "available"}, "down", "17")
    assert (done.returncode, [call[1] for call in calls]) == (0, ["delete-stack", "wait"])
    done, calls = pull_request({}, "down", "17")
    assert (done.returncode, calls) == (0, [])


def test_the_workflow_calls_the_script_as_it_is(pull_request):
    # In YAML 1.1 `on` is true.
    workflow = yaml.safe_load((EXAMPLE / "pull-request.github-actions.yml").read_text())
    assert set(workflow[True]["pull_request"]["types"]) == {"opened", "reopened", "synchronize", "closed"}
    runs = [step["run"] for step in workflow["jobs"]["database"]["steps"] if "run" in step]
    number = "${{ github.event.number }}"
    assert runs == [f"example/pull-request.sh up {number}", f"example/pull-request.sh down {number}"]
    assert {"SOURCE_CLUSTER_ID", "PROJECT"} <= set(workflow["env"])
