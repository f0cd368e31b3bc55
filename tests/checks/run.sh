#!/usr/bin/env bash
# Every template, policy and state machine, and the built package, held to what is good practice and to our own rules.
#
# usage: tests/checks/run.sh [--without-package]
#
# cfn-lint, checkov, cloudsplaining and asl-validator are installed under target/, by requirements.txt and package-lock.json;
# that is the only step that needs registries. Everything after it is offline. accepted.toml says which findings stay, and why.
# Without --without-package, target/package.zip must be there: ./build.sh builds it.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/checks
venv=target/checks-venv
node=target/checks-node

fail() { printf 'run.sh: %s\n' "$*" >&2; exit 2; }

if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
  command -v python3 >/dev/null || fail "python3 is needed and not found"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed, found $(python3 -V)"
  python3 -c 'import ensurepip, venv' 2>/dev/null ||
    fail "python3 has no venv module; on Debian and Ubuntu: apt-get install python3-venv"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/requirements.txt"
fi
command -v node >/dev/null || fail "node is needed (18 or newer) and not found: asl-validator runs on it"
if ! cmp -s "$here/package-lock.json" "$node/package-lock.json" || [ ! -x "$node/node_modules/.bin/asl-validator" ]; then
  command -v npm >/dev/null || fail "npm is needed and not found; on Debian and Ubuntu: apt-get install npm"
  rm -rf "$node"
  mkdir -p "$node"
  cp "$here/package.json" "$node/"
  cp "$here/package-lock.json" "$node/package-lock.json"
  npm ci --prefix "$node" --silent --no-audit --no-fund --ignore-scripts || { rm -rf "$node"; fail "npm could not install asl-validator"; }
fi

"$venv/bin/python" -B "$here/check.py" "$@"
"$venv/bin/python" -B -m pytest -q -p no:cacheprovider "$here"
