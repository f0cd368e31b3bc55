"""The served fake AWS, and clients that can reach nothing else.

Every answer is walked strictly against AWS's models: those that boto3 gets at once, and whatever a server answered (the
AWS CLI's calls too) when it stops.
"""

import os
import pathlib
import shlex
import subprocess

import boto3
import pytest
from botocore.config import Config

import check_responses
import strict_json

# How to start the server; run.sh sets the built program.
SERVER = shlex.split(os.environ.get("SIM_SERVER", "cargo run -q -p aurora-clone-sim --example serve --"))
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
LONGEST_RUN_SECONDS = "1800"
BEFORE = dict(os.environ)
WALKED = {"boto3": 0, "servers": 0}

for name in list(os.environ):
    if name.startswith("AWS_") or name.lower().endswith("_proxy") or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        del os.environ[name]
os.environ.update(
    AWS_ACCESS_KEY_ID="AKIAPERSON",
    AWS_SECRET_ACCESS_KEY="secret",
    AWS_DEFAULT_REGION="eu-west-1",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_MAX_ATTEMPTS="1",
    AWS_PAGER="",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    # Whatever is not on loopback runs into a wall.
    http_proxy="http://127.0.0.1:9",
    https_proxy="http://127.0.0.1:9",
    no_proxy="127.0.0.1",
)


class Server:
    def __init__(self, folder, flags):
        self.folder = folder
        command = [*SERVER, "--port", "0", "--for", LONGEST_RUN_SECONDS, "--stop-with-stdin", "--record", folder, *flags]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, env=BEFORE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), f"{shlex.join(map(str, command))} printed {self.url!r}"

    def stop(self):
        """Stops the server, and lists what was wrong with its answers."""
        self.process.stdin.close()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.returncode != 0:
            return [f"the server {self.url} ended with {self.process.returncode}"]
        recordings = sorted(self.folder.glob("*.xml"))
        WALKED["servers"] += len(recordings)
        return [f"{path.name}: {problem}" for path in recordings for problem in check_responses.check_file(path)]


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """A function of flags: the URL of a server that has them. One server per set of flags."""
    servers = {}

    def serve(*flags):
        if flags not in servers:
            servers[flags] = Server(tmp_path_factory.mktemp("answers"), flags)
        return servers[flags].url

    yield serve
    problems = [problem for server in servers.values() for problem in server.stop()]
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="session")
def client():
    """A function of a service's name and a URL: a boto3 client that takes no answer which is not in the model."""

    def walk(response_dict, operation_model, **_):
        status, body = response_dict["status_code"], response_dict["body"]
        if operation_model.service_model.metadata["protocol"] == "json":
            problems = strict_json.check(operation_model, status, response_dict["headers"], body)
        else:
            problems = check_responses.check(operation_model.name, status, body)
        WALKED["boto3"] += 1
        assert not problems, f"{operation_model.name}: {problems}\n{body.decode()}"

    def client(service, url, **options):
        config = Config(retries={"mode": "standard", "total_max_attempts": 1}, **options)
        made = boto3.client(service, endpoint_url=url, config=config)
        made.meta.events.register("before-parse", walk)
        return made

    return client


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(
        f"walked strictly: {WALKED['boto3']} answers to boto3, {WALKED['servers']} answers recorded by servers"
    )
