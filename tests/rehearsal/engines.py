"""The processes of the rehearsal: our simulator for RDS, and MiniStack for everything else. Both on loopback, each stopped by its own id.

MiniStack hands its own environment on to the functions' processes, so the endpoints are set there, and the template is
deployed as it is.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from word import Word

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "target" / "rehearsal"
REGION = "eu-west-1"
ACCOUNT = "123456789012"
# MiniStack's functions have the account's number as their access key id.
MANAGER_KEY = ACCOUNT
SIMULATOR = os.environ.get("REHEARSAL_SIMULATOR", str(REPOSITORY / "target" / "debug" / "aurora-clone"))
# The sources of the scenes: each has its own, so that no scene counts another's slots. The first begins with 13 clones and a copy.
SOURCES = ["prod", "shop", "ledger", "orders", "warehouse"]
# At AWS a clone takes minutes and a full copy hours; here seconds, and a minute.
PACE = "0.005"
# The state machine's waits and the pauses between its attempts, as a part of what they are. Its clock is not touched.
WAIT_SCALE = "0.1"
LONGEST_RUN_SECONDS = "1800"


def quiet(environment):
    """Without anything that names AWS, and with a wall where the internet would be."""
    strange = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "LOCALSTACK_HOSTNAME"}
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("AWS_", "MINISTACK_")) and not name.lower().endswith("_proxy") and name not in strange
    }
    wall = "http://127.0.0.1:9"
    return kept | {"http_proxy": wall, "https_proxy": wall, "no_proxy": "127.0.0.1", "AWS_EC2_METADATA_DISABLED": "true"}


def person(environment, endpoint):
    """The environment of the AWS CLI, as a person has it."""
    return quiet(environment) | {
        "AWS_ACCESS_KEY_ID": "AKIAPERSON",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


class Process:
    """A server with a log of its own. It leads a group of processes, which ends with it."""

    def __init__(self, name, command, environment, out=None):
        self.log = FOLDER / f"{name}.log"
        self.file = self.log.open("w")
        self.process = subprocess.Popen(
            command, cwd=FOLDER, env=environment, stdin=subprocess.DEVNULL, stdout=out or self.file, stderr=self.file,
            text=True, start_new_session=True,
        )

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.alive():
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.file.close()


class Engines:
    def __init__(self):
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "tmp").mkdir(exist_ok=True)
        self.processes = []
        self.word = None
        try:
            self.start_simulator()
            self.start_ministack()
        except BaseException:
            self.stop()
            raise

    def start_simulator(self):
        command = [
            SIMULATOR, "sim", "serve", "--start", "now", "--speed", "1", "--pace", PACE, "--manager-key", MANAGER_KEY,
            "--clusters", ",".join(SOURCES), "--clones", "13", "--copies", "1", "--quota", "80",
            "--for", LONGEST_RUN_SECONDS,
        ]
        simulator = Process("simulator", command, quiet(os.environ), out=subprocess.PIPE)
        self.processes.append(simulator)
        self.simulator = simulator.process.stdout.readline().strip()
        assert self.simulator.startswith("http://127.0.0.1:"), f"the simulator did not start: see {simulator.log}"

    def start_ministack(self):
        port = free_port()
        self.ministack = f"http://127.0.0.1:{port}"
        os.environ.update(person(os.environ, self.ministack))
        self.word = Word(self.ministack)
        environment = quiet(os.environ) | {
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "SFN_WAIT_SCALE": WAIT_SCALE,
            "TMPDIR": str(FOLDER / "tmp"),
            # These are for the functions.
            "AWS_ENDPOINT_URL": self.ministack,
            "AWS_ENDPOINT_URL_RDS": self.simulator,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": self.word.url,
            "RESPONSE_ORIGIN": self.ministack,
        }
        program = str(pathlib.Path(sys.executable).parent / "ministack")
        ministack = Process("ministack", [program], environment)
        self.processes.append(ministack)
        began = time.monotonic()
        while True:
            try:
                urllib.request.urlopen(f"{self.ministack}/_ministack/health", timeout=2).read()
                return
            except OSError:
                assert ministack.alive() and time.monotonic() - began < 60, f"MiniStack did not start: see {ministack.log}"
                time.sleep(0.2)

    def state(self):
        """The simulator's own knowledge."""
        with urllib.request.urlopen(f"{self.simulator}/_sim/state", timeout=10) as answer:
            return json.load(answer)

    def opens(self, cluster, password):
        body = json.dumps({"cluster": cluster, "password": password}).encode()
        with urllib.request.urlopen(f"{self.simulator}/_sim/login", body, timeout=10) as answer:
            return json.load(answer)["opens"]

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        if self.word is not None:
            self.word.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
