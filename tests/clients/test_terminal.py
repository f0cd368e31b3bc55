"""The command line in a pseudo-terminal: progress that is drawn, resized, interrupted and continued; and the same piped."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pyte
import pytest

PROGRAM = os.environ["AURORA_CLONE"]
CREATE = ["create", "my-test", "--source-cluster-id", "prod"]
ESCAPE = "\x1b"


class Terminal:
    """A program in a terminal of its own, whose screen can be read."""

    def __init__(self, words, environment, columns=100, lines=30):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.seen = b""
        self.code = None
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.execve(PROGRAM, [PROGRAM, *words], environment)
        self._size(columns, lines)

    def _size(self, columns, lines):
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns, lines=30):
        self._size(columns, lines)
        self.screen.resize(lines, columns)

    def type(self, keys):
        os.write(self.file, keys)

    def lines(self):
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def bars(self):
        return [line for line in self.lines() if re.search(r"\b[1-4]/[34] ", line)]

    def read(self, seconds=0.2):
        """Reads what comes in that time; False once the program has ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.file], [], [], left)[0]:
                return True
            try:
                data = os.read(self.file, 65536)
            except OSError:
                data = b""
            if not data:
                if self.code is None:
                    self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                return False
            self.seen += data
            self.stream.feed(data)
        return True

    def until(self, wanted, seconds=120):
        """Reads until the screen is as wanted."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            alive = self.read()
            if wanted(self):
                return self
            assert alive, f"it ended with {self.code} before that:\n" + "\n".join(self.lines())
        pytest.fail("it never was so:\n" + "\n".join(self.lines()))

    def ended(self, seconds=180):
        end = time.monotonic() + seconds
        while self.read():
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                pytest.fail("it does not end:\n" + "\n".join(self.lines()))
        os.close(self.file)
        return self.code


@pytest.fixture(scope="module")
def account():
    """A simulated account with the manager in it, where ten seconds pass in one and RDS is quick."""
    command = [PROGRAM, "sim", "serve", "--speed", "10", "--pace", "0.3", "--start", "now", "--for", "900"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    url = server.stdout.readline().strip()
    assert url.startswith("http://127.0.0.1:"), url
    yield {**os.environ, "AWS_ENDPOINT_URL": url, "TERM": "xterm-256color", "AWS_REGION": "eu-west-1"}
    server.terminate()
    assert server.wait(timeout=30) == 0


def run(account, *words):
    return subprocess.run([PROGRAM, *words], env=account, capture_output=True, text=True, timeout=300)


@pytest.fixture
def nothing_before(account):
    yield
    gone = run(account, "delete", "my-test", "--yes", "--ignore-not-found")
    assert gone.returncode == 0, gone.stderr


def clusters(account):
    answer = subprocess.run(
        ["aws", "rds", "describe-db-clusters", "--output", "json"], env=account, capture_output=True, text=True, check=True
    )
    return [cluster["DBClusterIdentifier"] for cluster in json.loads(answer.stdout)["DBClusters"]]


def test_progress_fits_the_terminal_however_it_is_resized(account, nothing_before):
    terminal = Terminal(CREATE, account)
    terminal.until(lambda t: any("cloning the volume" in bar and "usually" in bar for bar in t.bars()))
    assert len(terminal.bars()) == 1, terminal.lines()
    for columns in (60, 40, 120):
        terminal.resize(columns)
        # What the narrower terminal has broken is redrawn with the next second.
        terminal.screen.reset()
        terminal.until(lambda t: len(t.bars()) == 1)
        terminal.read(1.5)
        assert len(terminal.bars()) == 1, terminal.lines()
        assert all(len(line) <= columns for line in terminal.lines())
    assert terminal.ended() == 0, terminal.lines()
    assert not terminal.bars(), "the bar is gone when it is done"
    assert any(line.startswith("Endpoint") for line in terminal.lines()), terminal.lines()


def test_ctrl_c_and_the_same_command_goes_on(account, nothing_before):
    terminal = Terminal(CREATE, account)
    terminal.until(lambda t: any("cloning the volume" in bar for bar in t.bars()))
    terminal.type(b"\x03")
    assert terminal.ended() == 130, terminal.lines()
    assert "Nothing is lost" in "\n".join(terminal.lines())
    # The terminal echoes ^C after a line that is full, so the bar stays above it once, and says where it was.
    assert len(terminal.bars()) <= 1, terminal.lines()
    assert terminal.lines()[-1].endswith("ends it."), terminal.lines()
    assert "clone-my-test" in clusters(account)
    again = Terminal(CREATE, account)
    again.until(lambda t: any("Going on with what was begun" in line for line in t.lines()))
    assert again.ended() == 0, again.lines()
    assert [name for name in clusters(account) if "my-test" in name] == ["clone-my-test"]


def test_delete_asks_in_a_terminal(account, nothing_before):
    assert run(account, *CREATE).returncode == 0
    for answer, code in ((b"n\n", 1), (b"y\n", 0)):
        terminal = Terminal(["delete", "my-test"], account)
        terminal.until(lambda t: any("Delete it? [y/N]" in line for line in t.lines()))
        assert any("cluster" in line and "clone-my-test" in line for line in terminal.lines())
        terminal.type(answer)
        assert terminal.ended() == code, terminal.lines()
    assert "clone-my-test" not in clusters(account)


def test_what_is_piped_has_no_escapes_and_a_line_for_every_change(account, nothing_before):
    ran = run(account, *CREATE)
    assert ran.returncode == 0, ran.stderr
    assert ESCAPE not in ran.stdout + ran.stderr and "\r" not in ran.stdout + ran.stderr
    lines = [line for line in ran.stderr.splitlines() if line.startswith("[")]
    assert any("cloning the volume" in line for line in lines), ran.stderr
    assert len(lines) == len({line.split("] ", 1)[1] for line in lines}), "only changes"
    assert "Endpoint" in ran.stdout


def test_sigterm_ends_it_like_ctrl_c(account, nothing_before):
    process = subprocess.Popen([PROGRAM, *CREATE], env=account, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "cloning the volume" in line:
            process.terminate()
            break
    rest = process.stderr.read()
    assert process.wait(timeout=60) == 143, rest
    assert "Nothing is lost" in rest


def test_endpoints_are_preferred_as_by_the_aws_cli(account):
    url, nowhere = account["AWS_ENDPOINT_URL"], "http://127.0.0.1:9"
    of_one = {**account, "AWS_ENDPOINT_URL": nowhere}
    for service in ("CLOUDFORMATION", "RDS", "SSM", "DYNAMODB"):
        of_one[f"AWS_ENDPOINT_URL_{service}"] = url
    assert run(of_one, "status").returncode == 0, "a service's variable counts more than that of all"
    ran = run({**account, "AWS_ENDPOINT_URL_RDS": nowhere}, "status")
    assert ran.returncode == 1 and "DescribeDBClusters" in ran.stderr and "hint: " in ran.stderr, ran.stderr
    ran = run({**account, "AWS_ENDPOINT_URL_RDS": nowhere}, "status", "--endpoint-url", url)
    assert ran.returncode == 0, ran.stderr
