#!/usr/bin/env bash
# The real AWS CLI and boto3 against the served fake AWS, every answer held to AWS's own models.
#
# usage: tests/clients/run.sh [VENV] [pytest's arguments]
#
# VENV (default: target/clients-venv) is made and filled from requirements.txt unless it has them already; that is the only
# step that needs a package registry. Everything after it talks to loopback only.
#
# Where the Rust tests have recorded answers, these are checked too:
#   SIM_RECORD_DIR=$PWD/target/rds-responses cargo test
# The folder must be absolute (cargo runs every test in its package's folder) and is best removed before: recordings add up.
# This program looks where SIM_RECORD_DIR says, or in target/rds-responses.
#
# SIM_SERVER may name another server's command; it must know the options of crates/sim/examples/serve.rs.
set -euo pipefail

cd "$(dirname "$0")/../.."
here=tests/clients
venv=target/clients-venv
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
    venv=$1
    shift
fi

fail() {
    echo "run.sh: $*" >&2
    exit 1
}

if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    command -v python3 >/dev/null || fail "python3 is needed and not found"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "Python 3.10 or newer is needed, found $(python3 -V)"
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        fail "python3 has no venv module; on Debian and Ubuntu: apt-get install python3-venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi

if [ -z "${SIM_SERVER:-}" ]; then
    cargo build --quiet --locked -p aurora-clone-sim --example serve
    target=$(cargo metadata --quiet --locked --no-deps --format-version 1 |
        "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    SIM_SERVER="'$target/debug/examples/serve'"
    export SIM_SERVER
fi

# The product in an account of its own, for what an account's owner runs. With the workspace's features, as `cargo test` has it.
if [ -z "${SERVED_HOUSE:-}" ]; then
    cargo build --quiet --locked --workspace --example served_house
    target=$(cargo metadata --quiet --locked --no-deps --format-version 1 |
        "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    SERVED_HOUSE=$target/debug/examples/served_house
    export SERVED_HOUSE
fi

# The command line, which the tests run in a terminal of their own.
if [ -z "${AURORA_CLONE:-}" ]; then
    cargo build --quiet --locked --workspace --bin aurora-clone
    target=$(cargo metadata --quiet --locked --no-deps --format-version 1 |
        "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    AURORA_CLONE=$target/debug/aurora-clone
    export AURORA_CLONE
fi

recorded=${SIM_RECORD_DIR:-target/rds-responses}
if [ -d "$recorded" ]; then
    echo "recorded answers in $recorded:"
    "$venv/bin/python" "$here/check_responses.py" "$recorded" || fail "recorded answers in $recorded break AWS's models"
else
    echo "no recorded answers to check: there is no $recorded"
fi

exec "$venv/bin/python" -B -m pytest -q -p no:cacheprovider "$@" "$here"
