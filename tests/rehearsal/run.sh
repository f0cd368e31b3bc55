#!/usr/bin/env bash
# The deployment rehearsed on an engine that we did not write: MiniStack and the AWS CLI deploy the built package and clone stacks,
# and the functions find our simulator where RDS would be. docs/rehearsal.md says what that shows. It takes about six minutes.
#
# usage: tests/rehearsal/run.sh [pytest's arguments]
#
#   REHEARSAL_PACKAGE   the package: an archive with `bootstrap`, or the program itself (default: what ./build.sh made)
#   REHEARSAL_VENV      where Python's packages go (default: target/rehearsal-venv)
#
# Only filling that folder needs a package registry. Everything after it talks to loopback, on ports that are free. The logs of the
# servers stay in target/rehearsal.
set -euo pipefail

cd "$(dirname "$0")/../.."
here=tests/rehearsal
venv=${REHEARSAL_VENV:-target/rehearsal-venv}

fail() {
    echo "run.sh: $*" >&2
    exit 1
}

command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"
package=${REHEARSAL_PACKAGE:-}
if [ -z "$package" ]; then
    for made in target/package.zip target/package/bootstrap; do
        if [ -f "$made" ]; then
            package=$made
            break
        fi
    done
    [ -n "$package" ] || fail "there is no package: ./build.sh makes target/package.zip, and REHEARSAL_PACKAGE names another"
fi
[ -f "$package" ] || fail "REHEARSAL_PACKAGE is $package, which is no file"

if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    command -v python3 >/dev/null || fail "python3 is needed and not found"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "Python 3.10 or newer is needed, found $(python3 -V)"
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        fail "python3 has no venv module; on Debian and Ubuntu: apt-get install python3-venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi

# With the whole workspace, so that the SDK is built once for this and for the tests.
cargo build --quiet --locked --workspace --bin aurora-clone
target=$(cargo metadata --quiet --locked --no-deps --format-version 1 |
    "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
export REHEARSAL_SIMULATOR=$target/debug/aurora-clone
REHEARSAL_PACKAGE=$(realpath "$package")
export REHEARSAL_PACKAGE
echo "the package is $package"

exec "$venv/bin/python" -B -m pytest -q -p no:cacheprovider "$@" "$here"
