#!/usr/bin/env bash
# Builds the functions' package, uploads it, and deploys the manager's stack.
#
#   ./build.sh                       only builds target/package.zip
#   ./build.sh --verify              builds it twice, in two folders, and compares
#   LAMBDA_S3_BUCKET=b LAMBDA_S3_PREFIX=p STACK_NAME=s ./build.sh [Parameter=Value …]
#                                    builds, uploads package and rendered template, deploys; the parameters are
#                                    those of template/template.yaml
#
#   ARCHITECTURE   x86_64 (default) or arm64, which needs its Rust target
#   REVISION       what the stack says it was made of; by default git's HEAD, with -dirty when a file was changed
#   PACKAGE        a package that was built before: nothing is built then
#   UPLOAD_ONLY    true: uploads, so that a later stage can deploy s3://b/p/<revision>/stack.yaml
#
# The AWS CLI takes credentials, region and AWS_ENDPOINT_URL from where it always does.
set -euo pipefail
cd "$(dirname "$0")"

fail() { printf 'build.sh: %s\n' "$*" >&2; exit 2; }
note() { printf 'build.sh: note: %s\n' "$*" >&2; }
helper() { python3 -B template/package.py "$@"; }
pinned() { sed -n "s/^$1==//p" template/build-requirements.txt; }
# Whether the version $1 is at least $2.
at_least() { python3 -c 'import sys; a, b = ([int(n) for n in v.split(".")] for v in sys.argv[1:]); sys.exit(a < b)' "$1" "$2"; }

case ${1:-} in
  --help | -h) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0"; exit 0 ;;
  --verify) [ $# = 1 ] || fail "--verify takes nothing beside it"; exec tests/checks/reproducible.sh ;;
  -*) fail "'$1' is no option; it takes --verify or --help" ;;
esac

# Everything that can be missing is found out before anything is built.

architecture=${ARCHITECTURE:-x86_64}
case $architecture in
  x86_64) target=x86_64-unknown-linux-gnu ;;
  arm64) target=aarch64-unknown-linux-gnu ;;
  *) fail "ARCHITECTURE is '$architecture'; it takes x86_64 or arm64" ;;
esac
case ${UPLOAD_ONLY:-false} in
  true | false) ;;
  *) fail "UPLOAD_ONLY is '$UPLOAD_ONLY'; it takes true or false" ;;
esac

command -v python3 >/dev/null || fail "python3 is missing: it writes the package; install Python 3.9 or newer"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || fail "Python 3.9 or newer is needed, and python3 is $(python3 -V)"

check_builder() {
  command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"
  command -v rustc >/dev/null || fail "rustc is missing: install Rust from https://rustup.rs"
  local install="python3 -m pip install --requirement template/build-requirements.txt" found wanted sysroot
  wanted=$(pinned cargo-lambda)
  found=$(cargo lambda --version 2>/dev/null | sed -n 's/^cargo-lambda \([0-9.]*\).*/\1/p') || true
  [ -n "$found" ] || fail "cargo-lambda is missing: $install"
  at_least "$found" "$wanted" || fail "cargo-lambda is $found, and $wanted or newer is needed: $install"
  [ "$found" = "$wanted" ] || note "cargo-lambda is $found where $wanted is pinned: the package may come out with another hash"
  # In the order in which cargo-lambda looks for it.
  wanted=$(pinned ziglang)
  found=$(python3 -m ziglang version 2>/dev/null || zig version 2>/dev/null) || true
  [ -n "$found" ] || fail "zig is missing: $install"
  at_least "${found%%[-+]*}" "$wanted" || fail "zig is $found, and $wanted or newer is needed: $install"
  [ "$found" = "$wanted" ] || note "zig is $found where $wanted is pinned: the package may come out with another hash"
  # cargo-lambda would download a target that is missing without asking.
  sysroot=$(rustc --print sysroot) || fail "rustc does not start; rust-toolchain.toml says which version is needed"
  [ -d "$sysroot/lib/rustlib/$target/lib" ] ||
    fail "Rust can't build for $architecture: the target $target is not installed: rustup target add $target"
}

parameters=$(helper parameters template/template.yaml)
check_parameters() {
  local parameter name
  for parameter in "$@"; do
    name=${parameter%%=*}
    [ "$name" != "$parameter" ] && [ -n "$name" ] || fail "'$parameter' is no parameter; it takes Parameter=Value"
    case $name in
      Architecture) fail "'$parameter': the processor is given as ARCHITECTURE=x86_64 or arm64, since it is built for it" ;;
      Revision) fail "'$parameter': the revision is given as REVISION=…" ;;
    esac
    # The AWS CLI leaves out what the template does not know, and says nothing.
    grep -qx -- "$name" <<<"$parameters" ||
      fail "'$name' is no parameter of template/template.yaml, which has: $(tr '\n' ' ' <<<"$parameters")"
  done
}

check_aws() {
  [ -n "${LAMBDA_S3_PREFIX:-}" ] || fail "LAMBDA_S3_PREFIX is not set: where in the bucket the package goes"
  prefix=${LAMBDA_S3_PREFIX#/} prefix=${prefix%/}
  [[ $prefix =~ ^[A-Za-z0-9._/-]+$ ]] || fail "LAMBDA_S3_PREFIX is '$LAMBDA_S3_PREFIX'; it takes letters, digits and . _ / -"
  if [ "${UPLOAD_ONLY:-false}" = true ]; then
    [ $# = 0 ] || fail "parameters are for a deployment, and UPLOAD_ONLY is true"
  else
    [ -n "${STACK_NAME:-}" ] || fail "STACK_NAME is not set: the name of the manager's stack (or UPLOAD_ONLY=true for no deployment)"
    [[ $STACK_NAME =~ ^[A-Za-z][A-Za-z0-9-]{0,127}$ ]] ||
      fail "STACK_NAME is '$STACK_NAME'; it takes a letter first, then letters, digits and hyphens"
  fi
  command -v aws >/dev/null || fail "the AWS CLI is missing: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
  local said region
  # The first version of the CLI reads only this one.
  if [ -n "${AWS_REGION:-}" ]; then export AWS_DEFAULT_REGION=$AWS_REGION; fi
  region=${AWS_DEFAULT_REGION:-$(aws configure get region || true)}
  [ -n "$region" ] || fail "no region is set: AWS_REGION, or the profile's"
  said=$(aws sts get-caller-identity --query Arn --output text 2>&1) || fail "AWS takes no credentials: ${said//$'\n'/ }"
  printf 'as %s in %s\n' "$said" "$region"
  said=$(aws s3api head-bucket --bucket "$LAMBDA_S3_BUCKET" --query BucketRegion --output text 2>&1) ||
    fail "the bucket '$LAMBDA_S3_BUCKET' can't be reached: ${said//$'\n'/ }"
  # An older CLI does not know where it is.
  case $said in
    "" | None | "$region") ;;
    *) [ "${UPLOAD_ONLY:-false}" = true ] ||
      fail "the bucket '$LAMBDA_S3_BUCKET' is in $said, and the stack in $region: Lambda takes code from a bucket in its own region" ;;
  esac
}

if [ -n "${PACKAGE:-}" ]; then
  [ -f "$PACKAGE" ] || fail "PACKAGE is '$PACKAGE', and there is no such file"
  built_for=$(helper architecture "$PACKAGE") || fail "PACKAGE is not fit"
  [ "$built_for" = "$architecture" ] || fail "PACKAGE was built for $built_for, and ARCHITECTURE is $architecture"
  [ -n "${LAMBDA_S3_BUCKET:-}" ] || fail "PACKAGE is to be deployed, and LAMBDA_S3_BUCKET is not set"
else
  check_builder
fi
check_parameters "$@"

revision=${REVISION:-}
if [ -z "$revision" ]; then
  # An archive of the sources may lie within a repository of something else.
  if [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] && revision=$(git rev-parse --verify --quiet HEAD); then
    [ -z "$(git status --porcelain --untracked-files=no)" ] || revision=$revision-dirty
  else
    revision=unknown
    note "this is no git checkout, so the stack's revision is 'unknown': REVISION=… says it"
  fi
fi
[[ $revision =~ ^[A-Za-z0-9._-]{1,100}$ ]] || fail "REVISION is '$revision'; it takes up to 100 letters, digits and . _ -"

if [ -n "${LAMBDA_S3_BUCKET:-}" ]; then
  check_aws "$@"
elif [ -n "${STACK_NAME:-}" ] || [ "${UPLOAD_ONLY:-false}" = true ] || [ $# -gt 0 ]; then
  fail "a deployment is asked for, and LAMBDA_S3_BUCKET is not set: the bucket that the package goes to"
fi

build() {
  rm -rf target/package target/package.zip target/packaged.yaml
  mkdir -p target/package
  local metadata sysroot commit rustflags cflags
  metadata=$(cargo metadata --locked --format-version 1 --filter-platform "$target")
  sysroot=$(rustc --print sysroot)
  commit=$(rustc --version --verbose | sed -n 's/^commit-hash: //p')
  { read -r rustflags; read -r cflags; } < <(helper flags "$sysroot" "$commit" "$target" <<<"$metadata")
  if [ -n "${RUSTFLAGS:-}${CARGO_ENCODED_RUSTFLAGS:-}${CFLAGS:-}" ]; then
    note "RUSTFLAGS and CFLAGS of the environment are not used: they would make another package"
  fi
  # Amazon Linux 2023 has glibc 2.34; zig links against exactly that. What cargo-lambda calls optimizations are its own
  # ideas of the release profile, panic=abort among them, which would take the function's answer away from a panic.
  env -u RUSTFLAGS CARGO_ENCODED_RUSTFLAGS="$rustflags" CFLAGS="$cflags" CC_SHELL_ESCAPED_FLAGS=1 \
    cargo lambda build --release --disable-optimizations --locked --package aurora-clone-lambda --bin bootstrap \
    --target "$target.2.34" --lambda-dir target/lambda
  cp target/lambda/bootstrap/bootstrap target/package/bootstrap
  cargo tree --locked --package aurora-clone-lambda --target "$target" --edges normal,no-proc-macro --prefix none \
    --format '{p}|{l}' | helper dependencies >target/package/dependencies.txt
  helper zip target/package target/package.zip
}

if [ -n "${PACKAGE:-}" ]; then
  mkdir -p target
  [ "$PACKAGE" -ef target/package.zip ] || cp "$PACKAGE" target/package.zip
else
  build
fi
printf 'target/package.zip for %s, revision %s\nsha256 %s\n' "$architecture" "$revision" "$(helper sha256 target/package.zip)"

if [ -n "${LAMBDA_S3_BUCKET:-}" ]; then
  aws cloudformation package --template-file template/template.yaml --s3-bucket "$LAMBDA_S3_BUCKET" \
    --s3-prefix "$prefix" --output-template-file target/packaged.yaml >/dev/null
  # For a stage that deploys what another one built.
  aws s3 cp --no-progress target/packaged.yaml "s3://$LAMBDA_S3_BUCKET/$prefix/$revision/stack.yaml"
  if [ "${UPLOAD_ONLY:-false}" != true ]; then
    # Through the bucket: CloudFormation takes a template of more than 51,200 bytes from nowhere else.
    aws cloudformation deploy --template-file target/packaged.yaml --stack-name "$STACK_NAME" \
      --s3-bucket "$LAMBDA_S3_BUCKET" --s3-prefix "$prefix" \
      --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
      --parameter-overrides "Architecture=$architecture" "Revision=$revision" "$@"
  fi
fi
