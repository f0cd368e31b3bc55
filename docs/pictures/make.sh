#!/usr/bin/env bash
# The pictures of the documentation, each by its function.
#
# usage: docs/pictures/make.sh [PICTURE…]      all of them, or those that are named: report
#
# Needs the built program (AURORA_CLONE, or target/debug/aurora-clone), Python 3, and for `report` a browser (chromium) and pngquant:
#   apt-get install chromium pngquant
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

for picture in "${@:-report}"; do
    "$picture"
    ls -l "$pictures/$picture.png"
done
