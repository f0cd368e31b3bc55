#!/usr/bin/env bash
# The pictures of the documentation, each by its function.
#
# usage: docs/pictures/make.sh [PICTURE…]      all of them, or those that are named: report, terminal, sim_run
#
# Needs the built program (AURORA_CLONE, or target/debug/aurora-clone), Python 3, and for `report` a browser (chromium) and pngquant:
#   apt-get install chromium pngquant
# `terminal` makes an environment for Python packages (rich and pyte) in target/pictures-venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
pictures=docs/pictures
program=${AURORA_CLONE:-target/debug/aurora-clone}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

need() {
    command -v "$1" >/dev/null || { echo "make.sh: $1 is needed and not found" >&2; exit 1; }
}

# The first screens of the page about an invented account, the same as the tests look at.
report() {
    need chromium
    need pngquant
    python3 tests/clients/invented_report.py >"$scratch/report.json"
    "$program" report --from "$scratch/report.json" --output "$scratch/report.html" >/dev/null
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$scratch/profile" \
        --window-size=1180,1500 --screenshot="$scratch/report.png" "file://$scratch/report.html" 2>/dev/null
    pngquant --force --strip --quality 60-95 --output "$pictures/report.png" "$scratch/report.png"
}

# `status`, and `create` while the volume is cloned, in a terminal against the served simulator.
terminal() {
    venv=target/pictures-venv
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check rich==15.0.0 pyte==0.8.2
    "$venv/bin/python" docs/pictures/terminal.py "$program" "$pictures"
}

# The free slots and the copies of two weeks of the example.
sim_run() {
    "$program" sim run --example >"$scratch/scenario.json"
    "$program" sim run "$scratch/scenario.json" --days 14 --plot "$pictures/sim-run.svg"
}

[ $# -gt 0 ] || set -- report terminal sim_run
for picture in "$@"; do
    "$picture"
done
ls -l "$pictures"
