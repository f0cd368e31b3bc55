#!/usr/bin/env bash
# Builds the functions' package, and deploys the manager's stack when a bucket is named.
#   ./build.sh                                                    only builds target/package/bootstrap
#   LAMBDA_S3_BUCKET=b LAMBDA_S3_PREFIX=p STACK_NAME=s ./build.sh [Parameter=Value …]
# ARCHITECTURE=x86_64 (default) or arm64: arm64 needs its Rust target, which CodeBuild's image gets from buildspec.yml.
set -euo pipefail
cd "$(dirname "$0")"

fail() { printf 'build.sh: %s\n' "$*" >&2; exit 2; }

# Everything that can be missing is found out before anything is built.
architecture=${ARCHITECTURE:-x86_64}
case $architecture in
  x86_64) target=x86_64-unknown-linux-gnu ;;
  arm64) target=aarch64-unknown-linux-gnu ;;
  *) fail "ARCHITECTURE is '$architecture'; it takes x86_64 or arm64" ;;
esac
command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"
if ! cargo lambda --version >/dev/null 2>&1; then
  fail "cargo-lambda is missing: pip install 'cargo-lambda==1.9.2' 'ziglang==0.17.0'"
fi
for parameter in "$@"; do
  case $parameter in
    [A-Za-z]*=*) ;;
    *) fail "'$parameter' is no parameter; it takes Parameter=Value" ;;
  esac
done
if [ -n "${LAMBDA_S3_BUCKET:-}" ]; then
  command -v aws >/dev/null || fail "the AWS CLI is missing"
  [ -n "${STACK_NAME:-}" ] || fail "STACK_NAME is not set: the name of the manager's stack"
  [ -n "${LAMBDA_S3_PREFIX:-}" ] || fail "LAMBDA_S3_PREFIX is not set: where in the bucket the package goes"
elif [ $# -gt 0 ]; then
  fail "parameters are for a deployment, and LAMBDA_S3_BUCKET is not set"
fi

# Amazon Linux 2023 has glibc 2.34; zig links against exactly that.
cargo lambda build --release --locked --package aurora-clone-lambda --bin bootstrap --target "$target.2.34"
rm -rf target/package
mkdir -p target/package
cp target/lambda/bootstrap/bootstrap target/package/bootstrap
printf 'built target/package/bootstrap for %s\n' "$architecture"

if [ -n "${LAMBDA_S3_BUCKET:-}" ]; then
  aws cloudformation package --template-file template/template.yaml --s3-bucket "$LAMBDA_S3_BUCKET" \
    --s3-prefix "$LAMBDA_S3_PREFIX" --output-template-file target/packaged.yaml >/dev/null
  # Through the bucket: CloudFormation takes a template of more than 51,200 bytes from nowhere else.
  aws cloudformation deploy --template-file target/packaged.yaml --stack-name "$STACK_NAME" \
    --s3-bucket "$LAMBDA_S3_BUCKET" --s3-prefix "$LAMBDA_S3_PREFIX" \
    --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
    --parameter-overrides "Architecture=$architecture" "$@"
fi
