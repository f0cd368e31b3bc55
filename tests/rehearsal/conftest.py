"""One pair of engines and one manager's stack for all scenes, which come in the order of the files' names.

Each clone is looked at twice with half a minute between, whatever scale the waits have, so the scenes with the mark `together` run
at the same time, each in a thread, as stacks of several people would.
"""

import os
import pathlib
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from account import BUCKET, MANAGER, Account, aws
from engines import FOLDER, Engines

PACKAGE = pathlib.Path(os.environ["REHEARSAL_PACKAGE"])
# As often as Scheduler has them, so that they are seen to fire.
PARAMETERS = ["SweepSchedule=rate(1 minute)", "MaintenanceSchedule=rate(1 minute)"]
TAIL_LINES = 40
FAILURES = []
RUNNING = {}


def interrupted(number, _frame):
    pytest.exit(f"ended by signal {number}", returncode=128 + number)


signal.signal(signal.SIGTERM, interrupted)
signal.signal(signal.SIGHUP, interrupted)


def pytest_configure(config):
    config.addinivalue_line("markers", "together: runs at the same time as the others with this mark")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if pyfuncitem.get_closest_marker("together") is None:
        return None
    if not RUNNING:
        scenes = [item for item in pyfuncitem.session.items if item.get_closest_marker("together")]
        pyfuncitem.funcargs["account"].begin_living()
        pool = ThreadPoolExecutor(len(scenes))
        RUNNING.update({scene.nodeid: pool.submit(scene.obj, pyfuncitem.funcargs["account"]) for scene in scenes})
        pool.shutdown(wait=False)
    RUNNING[pyfuncitem.nodeid].result()
    return True


@pytest.fixture(scope="session")
def engines():
    engines = Engines()
    try:
        yield engines
        violations = engines.state()["violations"]
    finally:
        engines.stop()
    assert violations == [], violations


@pytest.fixture(scope="session")
def account(engines):
    """The account with the manager's stack."""
    account = Account(engines, PACKAGE)
    aws("s3", "mb", f"s3://{BUCKET}")
    account.deploy_manager(*PARAMETERS)
    account.settled(MANAGER, "CREATE_COMPLETE")
    return account


def pytest_runtest_logreport(report):
    if report.failed:
        FAILURES.append(report.nodeid)


def pytest_terminal_summary(terminalreporter):
    for name in ("simulator", "ministack") if FAILURES else ():
        log = FOLDER / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        terminalreporter.section(f"the end of {log}")
        # Response URLs are secrets wherever they are real.
        terminalreporter.write_line("\n".join(line for line in lines[-TAIL_LINES:] if "cfn-response" not in line))
