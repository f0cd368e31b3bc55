"""The checks can fail: each is shown something bad."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import built
import check
import machines
from templates import Template

BAD = """
AWSTemplateFormatVersion: "2010-09-09"
Description: Whatever a template should not be.
Parameters:
  Wide: { Type: String, Default: "false", AllowedValues: ["true", "false"] }
Conditions:
  IsWide: !Equals [!Ref Wide, "true"]
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: sts:AssumeRole }]
      Policies:
        - PolicyName: open
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - { Effect: Allow, Action: s3:ListBucket, Resource: !Sub "arn:${AWS::Partition}:s3:::x" }
              - !If [IsWide, { Effect: Allow, Action: "*", Resource: "*" }, !Ref AWS::NoValue]
  Open:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Action: "*", Resource: "*" }]
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: !GetAtt Role.Arn
      DefinitionS3Location: machine.asl.json
      DefinitionSubstitutions: { Function: !GetAtt Role.Arn, Spare: x }
"""
GUARDED = {
    "Type": "Task",
    "Resource": "${Function}",
    "Retry": [{"ErrorEquals": ["States.ALL"]}],
    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}],
    "Next": "Done",
}


def machine(task):
    return json.dumps({"StartAt": "Do", "States": {"Do": task, "Done": {"Type": "Succeed"}}})


def without(key):
    return {name: value for name, value in GUARDED.items() if name != key}


@pytest.fixture
def bad(tmp_path):
    """A bad template and its state machine."""
    (tmp_path / "bad.yaml").write_text(BAD, "utf-8")
    (tmp_path / "machine.asl.json").write_text(machine(without("Catch")), "utf-8")
    return tmp_path / "bad.yaml"


def test_a_bad_template_fails_the_whole_program(bad, tmp_path):
    nothing = tmp_path / "accepted.toml"
    nothing.write_text("", "utf-8")
    command = [sys.executable, "-B", check.__file__, "--without-package", "--accepted", nothing, bad]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    for expected in (
        "cfn-lint W3002: bad.yaml Machine",
        "checkov CKV_AWS_107: bad.yaml Open",
        "cloudsplaining PrivilegeEscalation: bad.yaml Open/policy",
        "cloudsplaining PrivilegeEscalation: bad.yaml Role/open",
        "cloudsplaining ServiceWildcard: bad.yaml Role/open s3",
        "machines unguarded: bad.yaml Machine Do: the task has no Catch that takes States.ALL",
        "machines substitutions: bad.yaml Machine: the template gives ${Spare}, which is not used",
    ):
        assert expected in done.stderr, done.stdout + done.stderr
    assert "NOT CHECKED: target/package.zip" in done.stdout


def test_asl_validator_refuses_what_is_no_machine(bad):
    bad.with_name("machine.asl.json").write_text(machine(GUARDED | {"Next": "Nowhere"}), "utf-8")
    found = [(one.tool, one.id) for one in check.state_machines([Template(bad)], bad.parent / "filled")]
    assert ("asl-validator", "invalid") in found


def test_a_right_that_is_given_on_a_condition_is_seen(bad):
    documents = [document for resource, _, document in Template(bad).policies() if resource == "Role"]
    assert sorted(len(document["Statement"]) for document in documents) == [1, 2]


@pytest.mark.parametrize("key", ["Retry", "Catch"])
@pytest.mark.parametrize("wrap", ["alone", "Parallel", "Map", "old Map"])
def test_an_unguarded_task_is_found_wherever_it_is(key, wrap):
    inner = json.loads(machine(without(key)))
    outer = {
        "alone": inner["States"]["Do"],
        "Parallel": {"Type": "Parallel", "Branches": [json.loads(machine(GUARDED)), inner], "Next": "Done"},
        "Map": {"Type": "Map", "ItemProcessor": inner, "Next": "Done"},
        "old Map": {"Type": "Map", "Iterator": inner, "Next": "Done"},
    }[wrap]
    ((path, problem),) = machines.unguarded(machine(outer))
    assert path.endswith("Do") and problem == f"the task has no {key} that takes States.ALL"
    assert not list(machines.unguarded(machine(GUARDED)))


def test_a_retry_that_never_tries_again_is_none():
    task = GUARDED | {"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}]}
    assert len(list(machines.unguarded(machine(task)))) == 1


def accepted(**changes):
    entry = {"tool": "checkov", "id": "A", "where": ["t R"], "reason": "This is quite all right."}
    return [entry | changes]


def test_a_finding_is_accepted_by_tool_id_and_place_alone():
    finding = check.Finding("checkov", "A", "t R", "bad")
    assert not list(check.judge([finding], accepted()))
    assert len(list(check.judge([finding], accepted(id="B")))) == 2
    assert len(list(check.judge([finding], accepted(where=["t S"])))) == 2
    assert list(check.judge([finding], [])) == ["checkov A: t R: bad"]


def test_an_accepted_finding_that_is_gone_fails_and_so_does_one_without_a_reason():
    assert list(check.judge([], accepted())) == ["accepted.toml: checkov A: t R: this is accepted and no longer found: take it out"]
    finding = check.Finding("checkov", "A", "t R", "bad")
    assert list(check.judge([finding], accepted(reason="fine"))) == ["accepted.toml: checkov A: the reason must be a sentence"]


def test_the_highest_glibc():
    assert built.needed_glibc("Name: GLIBC_2.2.5 Flags\n Name: GLIBC_2.34 \n GLIBC_2.17 GCC_3.0") == (2, 34)
    assert built.needed_glibc("GLIBC_2.39 GLIBC_2.4") == (2, 39) > built.GLIBC
    with pytest.raises(SystemExit, match="no version of glibc"):
        built.needed_glibc("GCC_3.0")


def test_the_folders_of_a_machine():
    program = b"\0/rustc/0123/library/std\0/registry/serde/lib.rs\0/aurora-clone-manager/x\0"
    assert not built.machine_paths(program, {"/srv/build"})
    assert not built.machine_paths(program + b"aurora-clone/root maintenance/workers", {"/root", "/work"})
    for named in (b"/srv/build/crates/x.rs", b"/home/me/x.rs", b"/root/.cargo/registry/x", b"/opt/.rustup/toolchains/x"):
        assert built.machine_paths(program + named + b"\0", {"/srv/build"})


def test_a_package_with_something_else_in_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        archive.writestr("bootstrap", Path(sys.executable).resolve().read_bytes())
        archive.writestr("dependencies.txt", "serde 1.0.0 MIT\nring 0.17.0 no licence given\n")
        archive.writestr("notes.txt", "")
    found = {problem for problem, _ in built.problems(tmp_path / "package.zip", set())}
    assert {"entries", "dependencies"} <= found
