"""A machine of our own for build.sh: a closed PATH of fakes that write down what they are called with."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The programs that the scripts may find; everything else is missing unless it is faked.
REAL = ("bash", "env", "sed", "tr", "grep", "dirname", "basename", "cp", "rm", "mkdir", "cat", "git", "chmod",
        "mktemp", "tar", "find", "cmp")

FAKES = {
    "cargo": r"""
case "$1 ${2:-}" in
  "lambda --version") echo "cargo-lambda ${FAKE_CARGO_LAMBDA-1.9.2} (0000000 2026-08-21Z)" ;;
  "lambda build")
    printf '%s\n' "$CARGO_ENCODED_RUSTFLAGS" "$CFLAGS" >"$FAKES/flags"
    mkdir -p target/lambda/bootstrap
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\076\0and the rest' >target/lambda/bootstrap/bootstrap
    # A compiler that tells where it was.
    [ -z "${FAKE_TELLTALE:-}" ] || pwd >>target/lambda/bootstrap/bootstrap ;;
  "metadata --locked")
    printf '{"workspace_root": "%s", "target_directory": "%s/target", "packages": [
      {"source": null, "manifest_path": "%s/crates/core/Cargo.toml"},
      {"source": "registry", "manifest_path": "/home/me/.cargo/registry/src/index-1/serde-1.0.0/Cargo.toml"}]}' \
      "$PWD" "$PWD" "$PWD" ;;
  "tree --locked")
    printf 'aurora-clone-lambda v0.1.0 (%s)|Apache-2.0\n' "$PWD"
    printf 'serde v1.0.0|MIT OR Apache-2.0\nserde v1.0.0|MIT OR Apache-2.0 (*)\n' ;;
  *) echo "fake cargo does not know: $*" >&2; exit 1 ;;
esac
""",
    "rustc": r"""
case "$*" in
  "--print sysroot") echo "$FAKES/sysroot" ;;
  *) printf 'rustc 1.95.0\ncommit-hash: 0123456789abcdef\n' ;;
esac
""",
    "zig": 'echo "${FAKE_ZIG-0.17.0}"\n',
    "aws": r"""
case "$1 ${2:-}" in
  "configure get") echo "${FAKE_REGION-eu-west-1}" ;;
  "sts get-caller-identity")
    [ -z "${FAKE_NO_CREDENTIALS:-}" ] || { echo "Unable to locate credentials" >&2; exit 253; }
    echo "arn:aws:iam::123456789012:user/me" ;;
  "s3api head-bucket")
    [ -z "${FAKE_NO_BUCKET:-}" ] || { printf '\nNot Found (404)\n' >&2; exit 254; }
    echo "${FAKE_BUCKET_REGION-eu-west-1}" ;;
  "cloudformation package") echo "Resources: {}" >target/packaged.yaml ;;
esac
""",
}


class Machine:
    """The sources in a folder of their own, and the programs that are installed."""

    def __init__(self, folder):
        self.sources = folder / "sources"
        self.fakes = folder / "fakes"
        self.bin = folder / "bin"
        for made in (self.sources, self.fakes / "sysroot/lib/rustlib/x86_64-unknown-linux-gnu/lib", self.bin):
            made.mkdir(parents=True)
        shutil.copy(ROOT / "build.sh", self.sources)
        shutil.copytree(ROOT / "template", self.sources / "template")
        (self.sources / "tests/checks").mkdir(parents=True)
        shutil.copy(ROOT / "tests/checks/reproducible.sh", self.sources / "tests/checks")
        for name in REAL:
            (self.bin / name).symlink_to(shutil.which(name))
        # No module of the machine that runs the tests, such as ziglang.
        self.install("python3", f'exec {sys.executable} -S "$@"\n', logged=False)
        for name, body in FAKES.items():
            self.install(name, body)

    def install(self, name, body, logged=True):
        """Puts a program on the PATH."""
        log = f"printf '%s' {name} >>\"$FAKES/log\"; printf ' %q' \"$@\" >>\"$FAKES/log\"; echo >>\"$FAKES/log\"\n"
        (self.bin / name).write_text(f"#!{shutil.which('bash')}\n{log if logged else ''}{body}", "utf-8")
        (self.bin / name).chmod(0o755)

    def remove(self, name):
        """Takes a program away."""
        (self.bin / name).unlink()

    def run(self, *arguments, script="build.sh", **variables):
        """Runs a script; (exit code, what it said)."""
        environment = {"PATH": str(self.bin), "FAKES": str(self.fakes), "HOME": str(self.sources.parent), **variables}
        done = subprocess.run([str(self.sources / script), *arguments], env=environment, capture_output=True, text=True,
                              cwd=self.sources.parent)
        return done.returncode, done.stdout + done.stderr

    @property
    def calls(self):
        """What was called, with its arguments."""
        log = self.fakes / "log"
        return log.read_text("utf-8").splitlines() if log.exists() else []

    def nothing_was_done(self):
        """Neither built nor uploaded."""
        done = [call for call in self.calls if call.startswith(("cargo lambda build", "aws cloudformation", "aws s3 "))]
        return not done and not (self.sources / "target").exists()


@pytest.fixture
def machine(tmp_path):
    """A machine on which everything is installed."""
    return Machine(tmp_path)
