"""build.sh: what it refuses, before anything is built, and what it calls when it does not."""

import re
import subprocess
import zipfile

import pytest
import yaml

from conftest import ROOT

DEPLOY = {"LAMBDA_S3_BUCKET": "bucket", "LAMBDA_S3_PREFIX": "manager/", "STACK_NAME": "clones", "REVISION": "abc"}


def refused(machine, expected, *arguments, **variables):
    """Holds the refusal: its code, its words, and that nothing was done."""
    code, said = machine.run(*arguments, **variables)
    assert code == 2, said
    assert expected in said
    assert machine.nothing_was_done(), machine.calls


@pytest.mark.parametrize(
    ("expected", "arguments", "variables"),
    [
        ("ARCHITECTURE is 'riscv'; it takes x86_64 or arm64", [], {"ARCHITECTURE": "riscv"}),
        ("'--fast' is no option", ["--fast"], {}),
        ("UPLOAD_ONLY is 'yes'; it takes true or false", [], {"UPLOAD_ONLY": "yes"}),
        ("'nonsense' is no parameter; it takes Parameter=Value", ["nonsense"], {}),
        ("'=x' is no parameter; it takes Parameter=Value", ["=x"], {}),
        ("'NamePrefx' is no parameter of template/template.yaml, which has: NamePrefix", ["NamePrefx=x-"], DEPLOY),
        ("the processor is given as ARCHITECTURE", ["Architecture=arm64"], DEPLOY),
        ("the revision is given as REVISION", ["Revision=1"], DEPLOY),
        ("LAMBDA_S3_BUCKET is not set", ["NamePrefix=x-"], {}),
        ("LAMBDA_S3_BUCKET is not set", [], {"STACK_NAME": "clones"}),
        ("LAMBDA_S3_BUCKET is not set", [], {"UPLOAD_ONLY": "true"}),
        ("LAMBDA_S3_PREFIX is not set", [], DEPLOY | {"LAMBDA_S3_PREFIX": ""}),
        ("LAMBDA_S3_PREFIX is 'a b'", [], DEPLOY | {"LAMBDA_S3_PREFIX": "a b"}),
        ("STACK_NAME is not set", [], DEPLOY | {"STACK_NAME": ""}),
        ("STACK_NAME is '1st'; it takes a letter first", [], DEPLOY | {"STACK_NAME": "1st"}),
        ("parameters are for a deployment", ["NamePrefix=x-"], DEPLOY | {"UPLOAD_ONLY": "true"}),
        ("REVISION is 'a b'", [], {"REVISION": "a b"}),
        ("no region is set", [], DEPLOY | {"FAKE_REGION": ""}),
        ("AWS takes no credentials: Unable to locate credentials", [], DEPLOY | {"FAKE_NO_CREDENTIALS": "1"}),
        ("the bucket 'bucket' can't be reached:  Not Found (404)", [], DEPLOY | {"FAKE_NO_BUCKET": "1"}),
        ("'bucket' is in us-east-1, and the stack in eu-west-1", [], DEPLOY | {"FAKE_BUCKET_REGION": "us-east-1"}),
        ("'bucket' is in us-east-1, and the stack in us-west-2", [],
         DEPLOY | {"FAKE_BUCKET_REGION": "us-east-1", "AWS_REGION": "us-west-2"}),
        ("cargo-lambda is missing: python3 -m pip install", [], {"FAKE_CARGO_LAMBDA": ""}),
        ("cargo-lambda is 1.8.10, and 1.9.2 or newer is needed", [], {"FAKE_CARGO_LAMBDA": "1.8.10"}),
        ("zig is 0.9.1, and 0.17.0 or newer is needed", [], {"FAKE_ZIG": "0.9.1"}),
        ("the target aarch64-unknown-linux-gnu is not installed: rustup target add", [], {"ARCHITECTURE": "arm64"}),
        ("PACKAGE is 'no.zip', and there is no such file", [], DEPLOY | {"PACKAGE": "no.zip"}),
        ("build.sh is no package", [], DEPLOY | {"PACKAGE": "build.sh"}),
    ],
)
def test_refusals(machine, expected, arguments, variables):
    refused(machine, expected, *arguments, **variables)


@pytest.mark.parametrize("tool", ["cargo", "rustc", "zig", "python3"])
def test_a_missing_tool(machine, tool):
    machine.remove(tool)
    refused(machine, f"{tool} is missing")


def test_a_missing_aws_cli(machine):
    machine.remove("aws")
    refused(machine, "the AWS CLI is missing", **DEPLOY)
    assert machine.run()[0] == 0, "what only builds needs no AWS CLI"


def test_only_builds_without_a_bucket(machine):
    code, said = machine.run()
    assert code == 0, said
    assert "revision unknown" in said and "this is no git checkout" in said
    assert not [call for call in machine.calls if call.startswith("aws")]
    with zipfile.ZipFile(machine.sources / "target/package.zip") as package:
        modes = [(entry.filename, entry.external_attr >> 16, entry.date_time) for entry in package.infolist()]
        crates = package.read("dependencies.txt").decode()
    assert modes == [
        ("bootstrap", 0o100755, (1980, 1, 1, 0, 0, 0)),
        ("dependencies.txt", 0o100644, (1980, 1, 1, 0, 0, 0)),
    ]
    assert crates == "aurora-clone-lambda 0.1.0 Apache-2.0\nserde 1.0.0 MIT OR Apache-2.0\n"


def test_builds_with_flags_that_hide_the_machine(machine):
    code, said = machine.run(RUSTFLAGS="-C target-cpu=native")
    assert code == 0 and "RUSTFLAGS and CFLAGS of the environment are not used" in said
    (build,) = [call for call in machine.calls if call.startswith("cargo lambda build")]
    # Without it cargo-lambda makes panics abort.
    assert "--disable-optimizations" in build
    assert "--locked" in build and "--target x86_64-unknown-linux-gnu.2.34" in build
    rust, c = (machine.fakes / "flags").read_text("utf-8").splitlines()
    assert rust.split("\x1f") == [
        "-C",
        "target-cpu=haswell",
        "--remap-path-prefix=/home/me/.cargo/registry/src/index-1=/registry",
        f"--remap-path-prefix={machine.fakes}/sysroot=/rustc/0123456789abcdef",
        f"--remap-path-prefix={machine.sources}=/aurora-clone-manager",
        f"--remap-path-prefix={machine.sources}/target=/target",
    ]
    assert f"-ffile-prefix-map={machine.sources}=/aurora-clone-manager" in c


def test_two_builds_are_compared(machine):
    code, said = machine.run("--verify")
    assert code == 0 and "the two packages are the same" in said, said
    folders = {line for line in said.splitlines() if line.startswith("built in ")}
    assert len(folders) == 2
    code, said = machine.run("--verify", FAKE_TELLTALE="1")
    assert code == 1 and "the two packages differ" in said, said
    assert not (machine.sources / "target").exists()


def test_deploys(machine):
    code, said = machine.run("NamePrefix=x-", **DEPLOY)
    assert code == 0, said
    assert [call for call in machine.calls if call.startswith(("aws cloudformation", "aws s3 "))] == [
        "aws cloudformation package --template-file template/template.yaml --s3-bucket bucket --s3-prefix manager"
        " --output-template-file target/packaged.yaml",
        "aws s3 cp --no-progress target/packaged.yaml s3://bucket/manager/abc/stack.yaml",
        "aws cloudformation deploy --template-file target/packaged.yaml --stack-name clones --s3-bucket bucket"
        " --s3-prefix manager --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset"
        " --parameter-overrides Architecture=x86_64 Revision=abc NamePrefix=x-",
    ]


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1", "None"])
def test_uploads_without_a_deployment(machine, region):
    code, said = machine.run(**DEPLOY | {"UPLOAD_ONLY": "true", "STACK_NAME": "", "FAKE_BUCKET_REGION": region})
    assert code == 0, said
    assert "aws s3 cp --no-progress target/packaged.yaml s3://bucket/manager/abc/stack.yaml" in machine.calls
    assert not [call for call in machine.calls if call.startswith("aws cloudformation deploy")]


def test_deploys_a_given_package_without_any_builder(machine):
    assert machine.run()[0] == 0
    given = machine.sources.parent / "given.zip"
    (machine.sources / "target/package.zip").rename(given)
    for tool in ("cargo", "rustc", "zig"):
        machine.remove(tool)
    (machine.fakes / "log").unlink()
    code, said = machine.run(PACKAGE=str(given), **DEPLOY)
    assert code == 0, said
    assert (machine.sources / "target/package.zip").read_bytes() == given.read_bytes()
    assert [call for call in machine.calls if call.startswith("aws cloudformation deploy")]


def test_a_package_for_another_processor(machine):
    assert machine.run()[0] == 0
    (machine.sources / "target").rename(machine.sources.parent / "built")
    (machine.fakes / "log").unlink()
    package = str(machine.sources.parent / "built/package.zip")
    refused(machine, "PACKAGE was built for x86_64, and ARCHITECTURE is arm64", PACKAGE=package, ARCHITECTURE="arm64", **DEPLOY)
    refused(machine, "PACKAGE is to be deployed, and LAMBDA_S3_BUCKET is not set", PACKAGE=package)


def test_the_revision_is_that_of_the_checkout(machine):
    def git(*arguments):
        command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.com", *arguments]
        return subprocess.run(command, cwd=machine.sources, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    (machine.sources / ".gitignore").write_text("/target\n", "utf-8")
    git("add", "--all")
    git("commit", "--quiet", "--message", "sources")
    head = git("rev-parse", "HEAD")
    assert f"revision {head}\n" in machine.run()[1]
    (machine.sources / "untracked").touch()
    assert f"revision {head}\n" in machine.run()[1]
    (machine.sources / "build.sh").write_text((machine.sources / "build.sh").read_text("utf-8") + "\n", "utf-8")
    assert f"revision {head}-dirty\n" in machine.run()[1]
    assert "revision v1\n" in machine.run(REVISION="v1")[1]


CODEBUILD = "template/codebuild/create-build-stack.sh"
PROJECT = {"LAMBDA_S3_BUCKET": "bucket", "LAMBDA_S3_PREFIX": "p", "SOURCE_LOCATION": "git@github.com:me/manager.git"}


@pytest.mark.parametrize(
    ("expected", "arguments", "variables"),
    [
        ("LAMBDA_S3_BUCKET is not set", [], {}),
        ("LAMBDA_S3_PREFIX is not set", [], {"LAMBDA_S3_BUCKET": "bucket"}),
        ("SOURCE_LOCATION is not set, and git has no remote", [], PROJECT | {"SOURCE_LOCATION": ""}),
        ("SOURCE_LOCATION is 'https://example.com/x.git'", [], PROJECT | {"SOURCE_LOCATION": "https://example.com/x.git"}),
        ("has a user or a token in it", [], PROJECT | {"SOURCE_LOCATION": "https://me:secret@github.com/me/x"}),
        ("SOURCE_TYPE is 'SVN'", [], PROJECT | {"SOURCE_TYPE": "SVN"}),
        ("SOURCE_TYPE is S3", [], PROJECT | {"SOURCE_LOCATION": "bucket/sources.zip", "WEBHOOK": "true"}),
        ("WEBHOOK is '1'", [], PROJECT | {"WEBHOOK": "1"}),
        ("ARCHITECTURE is 'arm'", [], PROJECT | {"ARCHITECTURE": "arm"}),
        ("'x' is no parameter", ["x"], PROJECT),
        ("'Timeout' is no parameter of build-stack.yml", ["Timeout=3"], PROJECT),
        ("AWS takes no credentials", [], PROJECT | {"FAKE_NO_CREDENTIALS": "1"}),
        ("the bucket 'bucket' can't be reached", [], PROJECT | {"FAKE_NO_BUCKET": "1"}),
    ],
)
def test_refusals_of_the_project(machine, expected, arguments, variables):
    code, said = machine.run(*arguments, script=CODEBUILD, **variables)
    assert code == 2 and expected in said and "secret" not in said, said
    assert machine.nothing_was_done(), machine.calls


def test_makes_the_project(machine):
    code, said = machine.run("TimeoutInMinutes=60", script=CODEBUILD, WEBHOOK="true", **PROJECT)
    assert code == 0, said
    assert machine.calls[-1] == (
        "aws cloudformation deploy --template-file build-stack.yml --stack-name codebuild-aurora-clone-manager"
        " --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset --parameter-overrides SourceType=GITHUB"
        " SourceLocation=https://github.com/me/manager.git SourceName=manager Webhook=true LambdaS3Bucket=bucket"
        " LambdaS3Prefix=p Architecture=x86_64 TimeoutInMinutes=60"
    )


def test_every_command_of_the_buildspec_is_a_command():
    spec = yaml.safe_load((ROOT / "buildspec.yml").read_text("utf-8"))
    assert spec["env"]["shell"] == "bash"
    for phase in spec["phases"].values():
        for command in phase["commands"]:
            assert isinstance(command, str), f"YAML makes something else of {command}"
            subprocess.run(["bash", "-n", "-c", command], check=True)
            for path in re.findall(r"(?<![\w/$.-])(?:\./)?((?:tests|template)/[\w./-]+|build\.sh)", command):
                assert (ROOT / path).is_file(), f"there is no {path}"
