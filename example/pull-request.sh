#!/usr/bin/env bash
# The database of a pull request, for CI: a stack of example/pull-request.yaml.
#
#   SOURCE_CLUSTER_ID=prod PROJECT=shop example/pull-request.sh up 17      on every push
#   PROJECT=shop example/pull-request.sh down 17                           when the request is closed
#
# `up` prints lines of NAME=VALUE for what comes next (in GitHub Actions they become outputs of the step): where the database is,
# and the ARN of the secret with its password, never a password. A push finds the database of the push before; a database
# whose lease is over is made anew. `down` of what is not there succeeds.
#
# Beside these, LEASE (P3D), CLONE_MANAGER_STACK (aurora-clone-manager) and NAME_PREFIX (clone-), if the manager has another one.
set -euo pipefail

fail() {
    echo "pull-request.sh: $*" >&2
    exit 1
}

[ $# -eq 2 ] || fail "usage: pull-request.sh up|down NUMBER"
command=$1
number=$2
case $number in '' | 0* | *[!0-9]*) fail "the pull request is $number, and should be a number" ;; esac
: "${PROJECT:?the name of the repository}"
template=$(dirname "$0")/pull-request.yaml
stack=$PROJECT-pr-$number

# The status of the stack; nothing where there is none.
status() {
    local found
    if found=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text 2>&1); then
        printf '%s\n' "$found"
    elif [[ $found != *"does not exist"* ]]; then
        fail "$found"
    fi
}

output() {
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

delete() {
    aws cloudformation delete-stack --stack-name "$stack"
    aws cloudformation wait stack-delete-complete --stack-name "$stack"
}

# Whether the database is there: its lease may be over, while the stack knows nothing of it.
is_there() {
    local cluster found
    cluster=$(output ClusterId)
    if found=$(aws rds describe-db-clusters --db-cluster-identifier "$cluster" --query 'DBClusters[0].Status' --output text 2>&1); then
        [ "$found" != deleting ]
    elif [[ $found == *DBClusterNotFound* ]]; then
        return 1
    else
        fail "$found"
    fi
}

up() {
    : "${SOURCE_CLUSTER_ID:?the cluster to clone}"
    local before
    before=$(status)
    case $before in
    '') ;;
    # A creation that failed leaves a stack that can only be deleted.
    ROLLBACK_COMPLETE | ROLLBACK_FAILED | CREATE_FAILED | DELETE_FAILED) delete ;;
    DELETE_IN_PROGRESS) aws cloudformation wait stack-delete-complete --stack-name "$stack" ;;
    *_IN_PROGRESS) fail "$stack is $before: another run is at it, so this one stops" ;;
    *) if ! is_there; then delete; fi ;;
    esac
    aws cloudformation deploy --stack-name "$stack" --template-file "$template" --no-fail-on-empty-changeset \
        --tags "project=$PROJECT" "pull-request=$number" --parameter-overrides \
        "SourceClusterId=$SOURCE_CLUSTER_ID" "Project=$PROJECT" "PullRequest=$number" "ExpiresAfter=${LEASE:-P3D}" \
        "CloneManagerStack=${CLONE_MANAGER_STACK:-aurora-clone-manager}" "NamePrefix=${NAME_PREFIX:-clone-}" >&2
    local name
    for name in Endpoint Port DatabaseName PasswordSecret DataTimestamp ExpiresAt; do
        echo "$name=$(output "$name")" | tee -a "${GITHUB_OUTPUT:-/dev/null}"
    done
}

case $command in
up) up ;;
down)
    # On a line of its own: a refusal must end the script.
    before=$(status)
    if [ -n "$before" ]; then delete; fi
    ;;
*) fail "the command is $command, and should be up or down" ;;
esac
