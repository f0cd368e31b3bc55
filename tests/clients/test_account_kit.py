"""What an account's owner runs (tests/account), here against the served fake AWS: with the real AWS CLI and boto3.

The smoke test runs beside the real clone-handler (tests/examples/served_house.rs). What no service here answers is answered by
stand-ins: who the caller is, the maintainer's plan, roles, the Data API, and psql.
"""

import hashlib
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import boto3
import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
KIT = REPOSITORY / "tests/account"
ASSUMPTIONS = REPOSITORY / "crates/sim/assumptions.md"
REAL_AWS = pathlib.Path(sys.executable).parent / "aws"
HOUSE = os.environ.get("SERVED_HOUSE", str(REPOSITORY / "target/debug/examples/served_house"))
ACCOUNT = "123456789012"

# --- the smoke test

AWS = """#!{python}
import json, os, sys
words = sys.argv[1:]
with open("{home}/calls", "a") as calls:
    calls.write(json.dumps(words) + "\\n")
if words[:2] == ["sts", "get-caller-identity"]:
    print("{account}")
elif words[:2] == ["lambda", "invoke"]:
    with open(words[-1], "w") as answer:
        answer.write('{{"plan": []}}')
    print("200\\tNone")
elif words[:2] == ["rds", "enable-http-endpoint"]:
    print("True")
elif words[:2] == ["rds-data", "execute-statement"]:
    print(os.environ.get("DATA_API_SAYS", "1"))
else:
    os.execv("{real}", ["{real}", *words])
"""
PSQL = """#!{python}
import hashlib, os, pathlib, sys, time
pathlib.Path("{home}/psql").write_text(hashlib.sha256(os.environ["PGPASSWORD"].encode()).hexdigest() + " " + " ".join(sys.argv))
time.sleep(float(os.environ.get("PSQL_TAKES", "0")))
print(1)
"""


class House:
    """A served account, and the smoke test in it."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen([HOUSE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), self.url
        (folder / "bin").mkdir()
        for name, text in {"aws": AWS, "psql": PSQL}.items():
            program = folder / "bin" / name
            program.write_text(text.format(python=sys.executable, home=folder, real=REAL_AWS, account=ACCOUNT))
            program.chmod(0o755)
        self.rds = boto3.client("rds", endpoint_url=self.url)
        self.stacks = boto3.client("cloudformation", endpoint_url=self.url)

    def start(self, *arguments, **variables):
        environment = os.environ | {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": self.url,
            "SMOKE_POLL_SECONDS": "0.2",
            **variables,
        }
        (self.folder / "calls").write_text("")
        command = [KIT / "smoke.sh", *arguments]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def run(self, *arguments, **variables):
        """The exit code, and what was said."""
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=500)
        return process.returncode, out + err

    def changes(self):
        """The calls that change something."""
        calls = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        reads = ("describe-", "get-", "invoke", "--version")
        return [call[:2] for call in calls if not call[min(1, len(call) - 1)].startswith(reads)]

    def clusters(self):
        return sorted(cluster["DBClusterIdentifier"] for cluster in self.rds.describe_db_clusters()["DBClusters"])

    def live_stacks(self):
        return [stack["StackName"] for stack in self.stacks.describe_stacks()["Stacks"]]

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.close()


def nothing_is_left(house):
    assert house.clusters() == ["prod", "staging"]
    assert house.live_stacks() == ["aurora-clone-manager"]
    secrets = boto3.client("secretsmanager", endpoint_url=house.url)
    assert secrets.list_secrets()["SecretList"] == []


YES = ("--source", "staging", "--account", ACCOUNT, "--yes")


def test_a_clone_comes_changes_and_goes(house):
    code, said = house.run(*YES, "--login", "psql")
    assert code == 0, said
    table = said[said.index("result what") :]
    assert "\n0 of " in table and "FAIL" not in table and table.count("\npass ") >= 16, table
    assert house.changes() == [["cloudformation", verb] for verb in ("create-stack", "update-stack", "delete-stack")]
    nothing_is_left(house)
    # psql was given the clone's password in its environment, and nowhere else.
    digest, *arguments = (house.folder / "psql").read_text().split()
    assert re.fullmatch(r"\S+psql --host clone-staging-\S+ --port 5432 --username \S+ .*select 1", " ".join(arguments)), arguments
    for word in re.findall(r"[A-Za-z0-9]{30,}", said + " ".join(arguments)):
        assert hashlib.sha256(word.encode()).hexdigest() != digest
    assert "password" not in said.replace("its password opens it", "")


def test_a_login_that_fails_is_in_the_table_and_the_clone_goes(house):
    code, said = house.run(*YES, "--login", "data-api", DATA_API_SAYS="no")
    assert code == 1, said
    assert re.search(r"FAIL +its password opens it, by the Data API \(True\) +no, and should be 1", said), said
    assert "\n1 of " in said
    nothing_is_left(house)


def test_ctrl_c_takes_away_what_was_made(house):
    (house.folder / "psql").unlink(missing_ok=True)
    process = house.start(*YES, "--login", "psql", PSQL_TAKES="300")
    for _ in range(1200):
        if (house.folder / "psql").exists():
            break
        time.sleep(0.2)
    assert len(house.clusters()) == 3
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, out + err
    assert "which this run made" in err and "It is gone." in err and "result what" in out
    assert house.changes() == [["cloudformation", "create-stack"], ["cloudformation", "delete-stack"]]
    nothing_is_left(house)


def test_looking_costs_nothing_and_says_what_more_would(house):
    code, said = house.run("--source", "staging")
    assert code == 0, said
    assert "Nothing was made" in said and "dollars" in said and "minutes" in said and "one clone of staging" in said
    assert house.changes() == []


def test_the_smoke_test_refuses(house):
    for arguments, says in [
        (("--source", "staging", "--yes"), "--yes needs --account"),
        (("--source", "staging", "--account", "000000000000", "--yes"), f"your credentials are of the account {ACCOUNT}"),
        (("--source", "prod", "--account", ACCOUNT, "--yes"), "prod looks like production (it is protected against deletion)"),
        (("--source", "nowhere"), "the cluster nowhere can't be looked at"),
        (("--source", "staging", "--stack-name", "other"), "the stack other is refused"),
        ((), "which cluster is to be cloned?"),
        (("--source", "staging", "--login", "ssh"), "should be data-api, psql or mysql"),
        (("--sauce", "staging"), "unknown option --sauce"),
        (("--source",), "--source needs a value"),
    ]:
        code, said = house.run(*arguments, SOURCE="")
        assert code == 2 and says in said, (arguments, said)
        assert house.changes() == []


# --- the ledger


class Identity(http.server.BaseHTTPRequestHandler):
    """STS and IAM, as far as roles are made and taken on. Every role may do everything."""

    roles = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = {key: values[0] for key, values in urllib.parse.parse_qs(body).items()}
        action, role = asked["Action"], asked.get("RoleName", "")
        result = ""
        if action == "GetCallerIdentity":
            result = f"<Account>{ACCOUNT}</Account><UserId>U</UserId><Arn>arn:aws:iam::{ACCOUNT}:user/owner</Arn>"
        elif action == "CreateRole":
            self.roles.add(role)
            fields = {"Path": "/", "RoleName": role, "RoleId": "A" * 16, "Arn": f"arn:aws:iam::{ACCOUNT}:role/{role}"}
            fields["CreateDate"] = "2026-01-01T00:00:00Z"
            result = "<Role>" + "".join(f"<{key}>{value}</{key}>" for key, value in fields.items()) + "</Role>"
        elif action == "AssumeRole":
            fields = {"AccessKeyId": "AKIAPERSON00000000", "SecretAccessKey": "x", "SessionToken": "x", "Expiration": "2036-01-01T00:00:00Z"}
            result = "<Credentials>" + "".join(f"<{key}>{value}</{key}>" for key, value in fields.items()) + "</Credentials>"
        elif action == "DeleteRole":
            self.roles.discard(role)
        elif action == "ListRoles":
            result = "<Roles/><IsTruncated>false</IsTruncated>"
        answer = f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def identity():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Identity)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture
def ledger(serve, identity, tmp_path):
    """A function that runs the ledger: the exit code, what was said, and the rows."""

    def run(*arguments, speed="100", flags=()):
        url = serve("--speed", speed, *flags)
        environment = os.environ | {"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_STS": identity, "AWS_ENDPOINT_URL_IAM": identity}
        command = [sys.executable, "-B", KIT / "ledger", "--poll", "0.04", "--out", tmp_path, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=570)
        results = sorted(tmp_path.glob("*.json"), key=lambda path: path.stat().st_mtime)
        rows = json.loads(results[-1].read_text())["rows"] if results else {}
        clusters = [item["DBClusterIdentifier"] for item in boto3.client("rds", endpoint_url=url).describe_db_clusters()["DBClusters"]]
        assert not [name for name in clusters if name.startswith("ledger-")], done
        return done.returncode, done.stdout + done.stderr, rows

    return run


HERE = ("--account", ACCOUNT, "--beside-production", "--yes")
# What the fake AWS does in both ways, or what takes more than it serves.
OPEN = {"R5", "R6", "R7", "R8", "R52", "R57", "R58", "R41", "SM9", "SM12", "E1"}


def settled(rows, *wanted):
    """Each row was looked at, and is as the fake AWS is said to be."""
    for row in wanted:
        assert row in rows, (row, rows)
        expected = None if row in OPEN else True
        assert rows[row]["holds"] is expected and "not settled" not in rows[row]["seen"], (row, rows[row])


def test_what_a_clone_is_like_is_as_assumed(ledger):
    code, said, rows = ledger("--only", "R5,R10,R7,R24", *HERE)
    assert code == 0 and "not as assumed: none" in said, said
    settled(rows, "R5", "R6", "R7", "R10", "R12", "R13", "R14", "R15", "R19", "R21", "R22", "R23", "R24", "R25", "R26", "R27", "R28", "R32", "R36")


def test_changes_show_as_assumed(ledger):
    code, said, rows = ledger("--only", "R16,R17,R8,R37", *HERE)
    assert code == 0 and "not as assumed: none" in said, said
    settled(rows, "R8", "R16", "R17", "R18", "R20", "R37", "R38", "R40", "R41", "R44", "R45", "R46")


def test_snapshots_are_as_assumed(ledger):
    code, said, rows = ledger("--only", "R52,R49", *HERE, speed="600")
    assert code == 0 and "not as assumed: none" in said, said
    settled(rows, "R49", "R51", "R52", "R53", "R54", "R57", "R58", "R59")


def test_the_sixteenth_clone_is_seen(ledger):
    code, said, rows = ledger("--only", "R1", *HERE, speed="3000")
    assert code == 0 and "not as assumed: none" in said, said
    settled(rows, "R1", "R2", "R3", "R4")


def test_the_small_services_are_as_assumed(ledger, tmp_path):
    code, said, rows = ledger("--only", "SM1,SM11,K3,E1,PS1", *HERE)
    assert code == 0 and "not as assumed: none" in said, said
    settled(rows, *(f"SM{number}" for number in (1, 2, 4, 5, 7, 9, 11, 12, 15)), *(f"K{number}" for number in (3, 4, 5, 7, 8)))
    settled(rows, *(f"E{number}" for number in range(1, 6)), "PS1", "PS2", "PS3")
    # To be pasted into the ledger.
    (page,) = tmp_path.glob("*.md")
    lines = [line for line in page.read_text().splitlines() if re.match(r"\| [A-Z]+[0-9]+ \|", line)]
    assert len(lines) == len(rows) and all(line.count(" | ") == 3 for line in lines)


def test_a_role_that_lacks_something_shows_what_is_asked(ledger):
    """Here nobody asks, so every role may, and that is not as assumed."""
    code, said, rows = ledger("--only", "I1,I7", *HERE)
    assert code == 0, said
    assert {row: rows[row]["holds"] for row in ("I1", "I2", "I7", "I9")} == {"I1": False, "I2": None, "I7": False, "I9": False}
    assert json.loads(rows["I1"]["seen"]) == dict.fromkeys(("everything", "without-new", "without-source", "without-groups"), "may")
    assert Identity.roles == set()


def test_what_is_not_served_is_not_settled(ledger):
    code, said, rows = ledger("--only", "R9", *HERE)
    assert code == 0 and rows["R9"]["holds"] is None and "not settled: " in rows["R9"]["seen"], (said, rows)


def test_the_ledger_refuses(ledger):
    for arguments, says in [
        (("--account", ACCOUNT, "--beside-production"), "nothing was made, since --yes was not given"),
        (("--yes",), f"your credentials are of {ACCOUNT}"),
        (("--yes", "--account", "000000000000"), "--account says 000000000000"),
        (("--yes", "--account", ACCOUNT), "clusters that look like production (prod)"),
        (("--only", "R999", *HERE), "there is no row R999"),
        (("--only", "R31", *HERE), "R31 is not settled by this script"),
        (("--clean", "prod-", *HERE), "should be the prefix of a run"),
        (("--clean", "ledger-0123abcd-", "--account", ACCOUNT, "--beside-production"), "nothing was deleted, since --yes"),
    ]:
        code, said, rows = ledger(*arguments)
        assert (code, rows) == (2, {}) and says in said, (arguments, said)


def test_what_a_killed_run_left_is_taken_away(ledger, serve):
    rds = boto3.client("rds", endpoint_url=serve("--speed", "100"))
    for name in ("ledger-0123abcd-source", "ledgers"):
        rds.create_db_cluster(DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="a", MasterUserPassword="12345678")
    # The fixture holds that no ledger-… is left.
    code, said, _ = ledger("--clean", "ledger-0123abcd-", *HERE)
    assert code == 0 and "Nothing is left." in said, said
    names = [cluster["DBClusterIdentifier"] for cluster in rds.describe_db_clusters()["DBClusters"]]
    assert "ledgers" in names and "prod" in names


@pytest.fixture
def lab(monkeypatch, serve):
    monkeypatch.syspath_prepend(str(KIT / "ledger"))
    import lab

    monkeypatch.setenv("AWS_ENDPOINT_URL", serve("--speed", "0.01"))
    return lab


def test_nothing_that_is_not_of_the_run_can_be_touched(lab):
    room = lab.Lab(boto3.Session(), "ledger-0123abcd-")
    calls = len(room.rds.describe_db_clusters()["DBClusters"])
    for client, call, parameters in [
        (room.rds, "delete_db_cluster", {"DBClusterIdentifier": "prod", "SkipFinalSnapshot": True}),
        (room.rds, "delete_db_cluster", {"DBClusterIdentifier": "ledger-9999abcd-source"}),
        (room.rds, "modify_db_cluster", {"DBClusterIdentifier": f"arn:aws:rds:eu-west-1:{ACCOUNT}:cluster:prod"}),
        (room.rds, "delete_db_instance", {"DBInstanceIdentifier": "prod-1"}),
        (room.rds, "stop_db_cluster", {"DBClusterIdentifier": "prod"}),
        (room.rds, "add_tags_to_resource", {"ResourceName": f"arn:aws:rds:eu-west-1:{ACCOUNT}:cluster:prod", "Tags": []}),
        # Not even a clone of somebody else's.
        (room.rds, "restore_db_cluster_to_point_in_time", {"DBClusterIdentifier": room.name("x"), "SourceDBClusterIdentifier": "prod"}),
        (room.secrets, "delete_secret", {"SecretId": "/aurora-clone-manager/x"}),
        (room.kms, "schedule_key_deletion", {"KeyId": "00000000-0000-0000-0000-000000000001"}),
        (room.clients["ssm"], "put_parameter", {"Name": "/aurora-clone-manager/maintenance-config", "Value": "x"}),
        (room.clients["iam"], "delete_role", {"RoleName": "admin"}),
    ]:
        with pytest.raises(lab.NotOurs):
            getattr(client, call)(**parameters)
    assert len(room.rds.describe_db_clusters()["DBClusters"]) == calls


# --- the list


def rows_of(path):
    found = [re.match(r"\| ([A-Z]+[0-9]+) \| (.*) \|$", line) for line in path.read_text().splitlines()]
    return [(match[1], match[2].split(" | ")) for match in found if match]


def test_every_row_of_the_ledger_is_in_the_list():
    assumed = [row for row, _ in rows_of(ASSUMPTIONS)]
    listed = rows_of(KIT / "ledger.md")
    assert len(assumed) == len(set(assumed)) > 100
    assert sorted(row for row, _ in listed) == sorted(assumed)
    known = {"script", "smoke", "by hand", "not settleable"}
    for row, cells in listed:
        assert len(cells) == 2 and cells[0] in known, (row, cells)
        # By hand: what to do. Not settleable: why.
        assert len(cells[1]) > 15 or cells[0] == "script", (row, cells)


def test_the_list_says_of_each_row_what_the_script_can(ledger):
    code, said, _ = ledger("--list")
    assert code == 0, said
    scripted = {row for line in said.splitlines() for row in re.findall(r"[A-Z]+[0-9]+", line.split(":")[0]) if re.match(r"[A-Z]+[0-9]", line)}
    assert scripted == {row for row, cells in rows_of(KIT / "ledger.md") if cells[0] == "script"}
    assert len(scripted) >= 25
