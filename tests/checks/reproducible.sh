#!/usr/bin/env bash
# Builds the package twice, in two folders with a cargo home and zig caches of their own, and compares the two byte by byte.
#
# usage: tests/checks/reproducible.sh [FOLDER]
#
# FOLDER (default: a temporary one, removed in the end) takes both builds, about 1.5 GB. It takes as long as two builds.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(pwd -P)

if [ $# -gt 0 ]; then
  mkdir -p "$1"
  folder=$(cd "$1" && pwd -P)
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi

# The files as they are now, committed or not; what git does not know stays out, where there is a git.
sources() {
  if [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$root" ]; then
    git ls-files -z --cached --others --exclude-standard
  else
    find . -path ./target -prune -o -type f -print0
  fi
}

cargo_home=${CARGO_HOME:-$HOME/.cargo}
for place in one another/place/with-a-longer-name; do
  mkdir -p "$folder/$place/sources" "$folder/$place/cargo-home"
  sources | tar --null --files-from - --create | tar --extract --directory "$folder/$place/sources"
  # What was downloaded already, so that the second home does not download it again.
  for part in index cache; do
    if [ -d "$cargo_home/registry/$part" ]; then
      mkdir -p "$folder/$place/cargo-home/registry"
      cp -R "$cargo_home/registry/$part" "$folder/$place/cargo-home/registry/"
    fi
  done
  if [ -f "$cargo_home/config.toml" ]; then cp "$cargo_home/config.toml" "$folder/$place/cargo-home/"; fi
  before=$SECONDS
  (
    cd "$folder/$place/sources"
    unset CARGO_TARGET_DIR LAMBDA_S3_BUCKET STACK_NAME PACKAGE UPLOAD_ONLY
    export CARGO_HOME=$folder/$place/cargo-home ZIG_GLOBAL_CACHE_DIR=$folder/$place/zig CARGO_ZIGBUILD_CACHE_DIR=$folder/$place/zigbuild
    REVISION=verify ./build.sh
  )
  printf 'built in %s: %s s\n' "$place" "$((SECONDS - before))"
done

one=$folder/one/sources/target/package.zip
another=$folder/another/place/with-a-longer-name/sources/target/package.zip
for package in "$one" "$another"; do
  printf '%s  %s\n' "$(python3 -B template/package.py sha256 "$package")" "${package#"$folder"/}"
done
cmp "$one" "$another" || { echo "reproducible.sh: the two packages differ" >&2; exit 1; }
echo "the two packages are the same"
