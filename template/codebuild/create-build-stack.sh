#!/usr/bin/env bash
# Makes (or changes) the CodeBuild project, from build-stack.yml.
#
#   LAMBDA_S3_BUCKET=b LAMBDA_S3_PREFIX=p template/codebuild/create-build-stack.sh [Parameter=Value …]
#
#   STACK_NAME       of the project's stack; by default codebuild-aurora-clone-manager
#   SOURCE_LOCATION  by default git's remote `origin`
#   SOURCE_TYPE      GITHUB, CODECOMMIT or S3; by default what the location looks like
#   WEBHOOK          true: a push to the branch main (or WebhookBranch=…) builds; GitHub alone has this
#   ARCHITECTURE     x86_64 (default) or arm64
#
# The parameters are those of build-stack.yml. GitHub needs credentials that CodeBuild has already
# (`aws codebuild import-source-credentials`), or ConnectionArn=….
set -euo pipefail
cd "$(dirname "$0")"

fail() { printf 'create-build-stack.sh: %s\n' "$*" >&2; exit 2; }

case ${1:-} in
  --help | -h) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$(basename "$0")"; exit 0 ;;
esac
[ -n "${LAMBDA_S3_BUCKET:-}" ] || fail "LAMBDA_S3_BUCKET is not set: the bucket that builds upload to"
[ -n "${LAMBDA_S3_PREFIX:-}" ] || fail "LAMBDA_S3_PREFIX is not set: where in the bucket the builds' results go"
prefix=${LAMBDA_S3_PREFIX#/} prefix=${prefix%/}
stack=${STACK_NAME:-codebuild-aurora-clone-manager}
[[ $stack =~ ^[A-Za-z][A-Za-z0-9-]{0,127}$ ]] || fail "STACK_NAME is '$stack'; it takes a letter first, then letters, digits and hyphens"

location=${SOURCE_LOCATION:-$(git remote get-url origin 2>/dev/null || true)}
[ -n "$location" ] ||
  fail "SOURCE_LOCATION is not set, and git has no remote 'origin': the repository's URL, or bucket/key of an archive"
# CodeBuild takes no ssh.
if [[ $location =~ ^(ssh://)?git@([^:/]+)[:/](.+)$ ]]; then location=https://${BASH_REMATCH[2]}/${BASH_REMATCH[3]}; fi
case $location in
  https://*@*) fail "SOURCE_LOCATION has a user or a token in it; leave it out: CodeBuild has credentials of its own" ;;
  https://github.com/*) guess=GITHUB ;;
  https://git-codecommit.*) guess=CODECOMMIT ;;
  *://* | /* | .*) guess= ;;
  */*) guess=S3 ;;
  *) guess= ;;
esac
type=${SOURCE_TYPE:-$guess}
case $type in
  GITHUB | CODECOMMIT | S3) ;;
  "") fail "SOURCE_LOCATION is '$location'; it takes https://github.com/…, https://git-codecommit.… or bucket/key (or say SOURCE_TYPE)" ;;
  *) fail "SOURCE_TYPE is '$type'; it takes GITHUB, CODECOMMIT or S3" ;;
esac
webhook=${WEBHOOK:-false}
case $webhook in
  true) [ "$type" = GITHUB ] || fail "WEBHOOK takes true only where the sources are on GitHub, and SOURCE_TYPE is $type" ;;
  false) ;;
  *) fail "WEBHOOK is '$webhook'; it takes true or false" ;;
esac
architecture=${ARCHITECTURE:-x86_64}
case $architecture in
  x86_64 | arm64) ;;
  *) fail "ARCHITECTURE is '$architecture'; it takes x86_64 or arm64" ;;
esac
name=${location##*/}
known=$(sed -n '/^Parameters:/,/^Rules:/s/^  \([A-Za-z0-9]*\):$/\1/p' build-stack.yml)
for parameter in "$@"; do
  case $parameter in
    [A-Za-z]*=*) ;;
    *) fail "'$parameter' is no parameter; it takes Parameter=Value" ;;
  esac
  grep -qx -- "${parameter%%=*}" <<<"$known" ||
    fail "'${parameter%%=*}' is no parameter of build-stack.yml, which has: $(tr '\n' ' ' <<<"$known")"
done
command -v aws >/dev/null || fail "the AWS CLI is missing: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
said=$(aws sts get-caller-identity --query Arn --output text 2>&1) || fail "AWS takes no credentials: ${said//$'\n'/ }"
said=$(aws s3api head-bucket --bucket "$LAMBDA_S3_BUCKET" 2>&1) || fail "the bucket '$LAMBDA_S3_BUCKET' can't be reached: ${said//$'\n'/ }"

aws cloudformation deploy --template-file build-stack.yml --stack-name "$stack" \
  --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
  --parameter-overrides "SourceType=$type" "SourceLocation=$location" "SourceName=${name%.git}" "Webhook=$webhook" \
  "LambdaS3Bucket=$LAMBDA_S3_BUCKET" "LambdaS3Prefix=$prefix" "Architecture=$architecture" "$@"
printf 'build it with: aws codebuild start-build --project-name %s-build\n' "$stack"
