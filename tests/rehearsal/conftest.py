"""One pair of engines and one manager's stack for all scenes, which come in the order of the files' names."""

import json
import os
import pathlib
import signal

import boto3
import pytest

from account import BUCKET, MANAGER, Account, aws
from engines import FOLDER, REPOSITORY, Engines

PACKAGE = pathlib.Path(os.environ["REHEARSAL_PACKAGE"])
# Schedules as short as Scheduler has them, so that they are seen to fire.
PARAMETERS = ["SweepSchedule=rate(1 minute)", "MaintenanceSchedule=rate(1 minute)"]
TAIL_LINES = 40
FAILURES = []


def interrupted(number, _frame):
    pytest.exit(f"ended by signal {number}", returncode=128 + number)


signal.signal(signal.SIGTERM, interrupted)
signal.signal(signal.SIGHUP, interrupted)


@pytest.fixture(scope="session")
def engines():
    engines = Engines()
    yield engines
    violations = engines.state()["violations"]
    engines.stop()
    assert violations == [], violations


@pytest.fixture(scope="session")
def fresh(engines):
    """The account before anything is deployed."""
    account = Account(engines, PACKAGE)
    aws("s3", "mb", f"s3://{BUCKET}")
    account.queue = listen()
    return account


@pytest.fixture(scope="session")
def account(fresh):
    """The account with the manager's stack."""
    fresh.deploy_manager(*PARAMETERS)
    fresh.settled(MANAGER, "CREATE_COMPLETE")
    return fresh


def listen():
    """A queue with everything that the manager tells EventBridge."""
    sqs, events = boto3.client("sqs"), boto3.client("events")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="told", EventPattern=json.dumps({"source": ["aurora-clone-manager"]}))
    events.put_targets(Rule="told", Targets=[{"Id": "told", "Arn": arn}])
    return url


@pytest.fixture(scope="session")
def told(account):
    """A function that lists what the manager has told EventBridge so far."""
    sqs, heard = boto3.client("sqs"), []

    def told():
        while True:
            messages = sqs.receive_message(QueueUrl=account.queue, MaxNumberOfMessages=10).get("Messages", [])
            for message in messages:
                heard.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=account.queue, ReceiptHandle=message["ReceiptHandle"])
            if not messages:
                return heard

    return told


def pytest_runtest_logreport(report):
    if report.failed:
        FAILURES.append(report.nodeid)


def pytest_terminal_summary(terminalreporter):
    for name in ("simulator", "ministack") if FAILURES else ():
        log = FOLDER / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        terminalreporter.section(f"the end of {log.relative_to(REPOSITORY)}")
        # Response URLs are secrets wherever they are real.
        terminalreporter.write_line("\n".join(line for line in lines[-TAIL_LINES:] if "cfn-response" not in line))
