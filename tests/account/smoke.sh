#!/usr/bin/env bash
# A smoke test of an installed manager, for the owner of an AWS account: is it there, and does one clone come, change and go?
#
#   tests/account/smoke.sh --stack-name aurora-clone-manager --source CLUSTER                        looks only, costs nothing
#   tests/account/smoke.sh --stack-name … --source … --account 123456789012 --yes                    makes one clone, and deletes it
#
#   --stack-name NAME    the manager's stack ($STACK_NAME, else aurora-clone-manager)
#   --source CLUSTER     the cluster to clone ($SOURCE), in the account and region of your credentials
#   --account ID         the account that you mean; anything that costs money is refused in another one
#   --yes                makes a clone: costs money (it says how much), takes about 25 minutes
#   --even-production    a source that looks like production is refused without this
#   --login HOW          also logs in to the clone: data-api (turns the Data API of the clone on), psql or mysql (need a way to it)
#   --acu-price P        what an ACU-hour costs in your region, in dollars (0.12)
#
# It changes nothing that it did not make: one stack of example/template.yaml, of a name that was never used before. That stack is
# deleted at the end, after a failure and on Ctrl-C, and nothing else ever is. No password is shown or written. Ends with a table, and
# with 0 if everything in it passed, 1 if not, 2 if it refused to begin.
set -euo pipefail
if [ "${BASH_VERSINFO[0]}${BASH_VERSINFO[1]}" -lt 44 ]; then
    echo "smoke.sh: bash 4.4 or newer is needed; this is $BASH_VERSION" >&2
    exit 2
fi

stack_name=${STACK_NAME:-aurora-clone-manager}
source=${SOURCE:-}
account=
yes=
even_production=
login=
acu_price=0.12
poll=${SMOKE_POLL_SECONDS:-15}
longest=${SMOKE_LONGEST_SECONDS:-4200}
template=$(dirname "$0")/../../example/template.yaml
names=()
results=()
details=()
clone_stack=
clone_stack_id=

say() { printf '%s\n' "$*" >&2; }
refuse() {
    say "smoke.sh: $*"
    exit 2
}

# One line of the table: pass, FAIL or skip; what; and what was seen.
result() {
    results+=("$1")
    names+=("$2")
    details+=("${3:-}")
    say "  $1  $2${3:+: $3}"
}

expect() {
    local what=$1 seen=$2 wanted=$3
    if [ "$seen" = "$wanted" ]; then result pass "$what" "$seen"; else result FAIL "$what" "$seen, and should be $wanted"; fi
}

# The output of a command, or a line that says why there is none.
try() {
    local found
    if found=$("$@" 2>&1); then printf '%s\n' "$found"; else printf 'refused: %s\n' "$(tail -n 1 <<<"$found")"; fi
}

text() { try aws "$@" --output text; }

while [ $# -gt 0 ]; do
    case $1 in
    --yes) yes=1 ;;
    --even-production) even_production=1 ;;
    --stack-name | --source | --account | --login | --acu-price)
        [ $# -ge 2 ] || refuse "$1 needs a value"
        case $1 in
        --stack-name) stack_name=$2 ;;
        --source) source=$2 ;;
        --account) account=$2 ;;
        --login) login=$2 ;;
        --acu-price) acu_price=$2 ;;
        esac
        shift
        ;;
    -h | --help)
        sed -n '2,/^set -/{/^set -/!s/^# \{0,1\}//p}' "$0"
        exit 0
        ;;
    *) refuse "unknown option $1; --help lists them" ;;
    esac
    shift
done
[ -n "$source" ] || refuse "which cluster is to be cloned? --source CLUSTER"
case $login in
'' | data-api) ;;
psql | mysql)
    for tool in "$login" python3; do command -v "$tool" >/dev/null || refuse "--login $login needs $tool, which is not found"; done
    ;;
*) refuse "--login is $login, and should be data-api, psql or mysql" ;;
esac
[[ $acu_price =~ ^[0-9]+(\.[0-9]+)?$ ]] || refuse "--acu-price is $acu_price, and should be dollars such as 0.12"
command -v aws >/dev/null || refuse "the AWS CLI is needed and not found"

print_table() {
    local at failed=0
    say ""
    printf '%-6s %-58s %s\n' result what seen
    for at in "${!names[@]}"; do
        printf '%-6s %-58s %s\n' "${results[$at]}" "${names[$at]}" "${details[$at]}"
        [ "${results[$at]}" != FAIL ] || failed=$((failed + 1))
    done
    printf '%s of %s failed\n' "$failed" "${#names[@]}"
    [ "$failed" -eq 0 ]
}

stack_status() {
    text cloudformation describe-stacks --stack-name "$1" --query 'Stacks[0].StackStatus'
}

# Waits until a stack is no longer in progress, and says what it has become.
settled() {
    local status begun=$SECONDS
    # A call that is refused for another reason, such as too many calls, says nothing about the stack.
    while
        status=$(stack_status "$1")
        [[ $status == *_IN_PROGRESS || ($status == refused:* && $status != *"does not exist"*) ]]
    do
        if [ $((SECONDS - begun)) -ge "$longest" ]; then break; fi
        sleep "$poll"
    done
    printf '%s\n' "$status"
}

output() {
    text cloudformation describe-stacks --stack-name "$1" --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue"
}

# Whatever happens: the stack that this run made goes, and no other.
# shellcheck disable=SC2329  # Called by the trap.
clean_up() {
    local status=$?
    trap - EXIT
    trap 'say "smoke.sh: stopped again; delete it yourself: aws cloudformation delete-stack --stack-name $clone_stack"; exit 1' INT TERM
    if [ -n "$clone_stack" ]; then
        say ""
        say "Cleaning up: deleting the stack $clone_stack, which this run made"
        aws cloudformation delete-stack --stack-name "${clone_stack_id:-$clone_stack}" || true
        local gone
        gone=$(settled "${clone_stack_id:-$clone_stack}")
        case $gone in
        DELETE_COMPLETE | *"does not exist"*) say "It is gone." ;;
        *) say "It is $gone: look at it, and delete it by: aws cloudformation delete-stack --stack-name $clone_stack" ;;
        esac
        if [ "${#names[@]}" -gt 0 ]; then print_table || true; fi
        [ "$status" -ne 0 ] || status=1
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "Looking (nothing is made)"
found_account=$(text sts get-caller-identity --query Account)
[[ $found_account =~ ^[0-9]{12}$ ]] || refuse "your credentials do not work: $found_account"
if [ -n "$account" ] && [ "$account" != "$found_account" ]; then
    refuse "your credentials are of the account $found_account, and --account says $account"
fi
status=$(stack_status "$stack_name")
case $status in
*_COMPLETE) if [[ $status == ROLLBACK_* || $status == DELETE_* ]]; then refuse "the stack $stack_name is $status"; fi ;;
*) refuse "the stack $stack_name is $status" ;;
esac
result pass "the stack $stack_name is there" "$status"
function=$(output "$stack_name" LambdaArn)
maintainer=$(output "$stack_name" MaintainerName)
if [[ $function == arn:*:lambda:*:"$found_account":function:* ]]; then
    result pass "its output LambdaArn is a function of this account" "$function"
else
    result FAIL "its output LambdaArn is a function of this account" "$function"
fi

# A plan is made by clients that can't write, whatever the configuration says.
plan=$(mktemp)
# Version 1 of the AWS CLI takes the payload as it is, and does not know the option.
raw=(--cli-binary-format raw-in-base64-out)
if [[ $(aws --version 2>&1) == aws-cli/1.* ]]; then raw=(); fi
error=$(text lambda invoke --function-name "$maintainer" "${raw[@]}" --payload '{"plan": true}' \
    --query '[StatusCode, FunctionError]' "$plan")
if [ "$error" = "$(printf '200\tNone')" ]; then
    result pass "the maintainer makes a plan" "$(head -c 60 "$plan" | tr '\n' ' ')…"
else
    result FAIL "the maintainer makes a plan" "$error $(head -c 300 "$plan" | tr '\n' ' ')"
fi
rm -f "$plan"

query='DBClusters[0].[Status, Engine, DeletionProtection, DbClusterResourceId]'
read -r source_status engine protected source_resource <<<"$(text rds describe-db-clusters --db-cluster-identifier "$source" --query "$query")"
[ "$source_status" != refused: ] || refuse "the cluster $source can't be looked at: $engine $protected $source_resource"
expect "the source $source is available" "$source_status" available
stages=$(text rds describe-db-clusters --db-cluster-identifier "$source" \
    --query "DBClusters[0].TagList[?contains(['environment', 'Environment', 'env', 'Env', 'stage', 'Stage'], Key)].Value")
looks_like=
if [[ -$source- =~ -(prod|production|prd|live)- ]]; then looks_like="its name is $source"; fi
if [[ ${stages,,} =~ (^|[[:space:]])(prod|production|prd|live) ]]; then looks_like="it is tagged $stages"; fi
if [ "$protected" = True ]; then looks_like="it is protected against deletion"; fi

cat >&2 <<END

With --yes this makes, in the account $found_account:
  a stack smoke-… of example/template.yaml, and by it one clone of $source ($engine), with one instance and a secret
  and deletes all of it. The manager chooses the instance: Serverless v2, or the smallest that the engine takes.
It takes about 25 minutes: 10 to 15 until the clone is usable, 2 for an update, 5 to 10 for the deletion.
It costs about hours x ACUs x price of an ACU-hour + a secret's part of its month + pages that change:
  0.5 x 1 x $acu_price + 0.40 / 730 = $(awk -v p="$acu_price" 'BEGIN { printf "%.2f", 0.5 * p + 0.4 / 730 }') dollars at one ACU on average; with --login data-api one call more.
  One of the 15 slots of the source's volume is used meanwhile. The source itself is not changed.
END
if [ -z "$yes" ]; then
    say ""
    say "Nothing was made, since --yes was not given."
    print_table || exit 1
    exit 0
fi
[ -n "$account" ] || refuse "--yes needs --account, so that it is the account that you mean (your credentials are of $found_account)"
if [ -n "$looks_like" ] && [ -z "$even_production" ]; then
    refuse "$source looks like production ($looks_like): take another source, or say --even-production. Nothing was made"
fi
for at in "${!results[@]}"; do
    [ "${results[$at]}" != FAIL ] || refuse "${names[$at]}: ${details[$at]}. Nothing was made"
done

say ""
say "Making a clone"
name=smoke-$(date -u +%Y%m%d%H%M%S)-$RANDOM
[[ $(stack_status "$name") == *"does not exist"* ]] || refuse "there is a stack $name, or it can't be told whether there is"
parameters=("ParameterKey=CloneManagerStack,ParameterValue=$stack_name" "ParameterKey=SourceClusterId,ParameterValue=$source")
begun=$SECONDS
clone_stack=$name
clone_stack_id=$(aws cloudformation create-stack --stack-name "$name" --template-body "file://$template" \
    --parameters "${parameters[@]}" --tags Key=made-by,Value=smoke.sh --query StackId --output text)
status=$(settled "$clone_stack_id")
expect "the stack is complete, after $(((SECONDS - begun) / 60)) minutes" "$status" CREATE_COMPLETE
if [ "$status" != CREATE_COMPLETE ]; then
    aws cloudformation describe-stack-events --stack-name "$clone_stack_id" --output text \
        --query "StackEvents[?contains(ResourceStatus, 'FAILED')].[LogicalResourceId, ResourceStatusReason]" >&2 || true
    exit 1
fi
missing=
for key in CloneClusterArn CloneClusterId CloneClusterEndpoint CloneClusterReaderEndpoint ClonePort ClonePasswordSecret \
    ClonePasswordKmsKeyId CloneSourceArn CloneDataTimestamp; do
    value=$(output "$clone_stack_id" "$key")
    if [ -z "$value" ] || [ "$value" = None ]; then missing="$missing $key"; fi
done
expect "every output has a value" "${missing:-all}" all
cluster=$(output "$clone_stack_id" CloneClusterId)
secret=$(output "$clone_stack_id" ClonePasswordSecret)
endpoint=$(output "$clone_stack_id" CloneClusterEndpoint)
port=$(output "$clone_stack_id" ClonePort)
query='DBClusters[0].[Status, DbClusterResourceId]'
read -r status resource <<<"$(text rds describe-db-clusters --db-cluster-identifier "$cluster" --query "$query")"
expect "the clone is available" "$status" available
of_tag="DBClusters[0].TagList[?Key=='aurora-clone:stack-id'].Value"
expect "the clone bears the stack in its tags" "$(text rds describe-db-clusters --db-cluster-identifier "$cluster" --query "$of_tag")" "$clone_stack_id"
expect "its instance is available, and not public" "$(text rds describe-db-instances \
    --filters "Name=db-cluster-id,Values=$cluster" --query 'DBInstances[].[DBInstanceStatus, PubliclyAccessible]')" "$(printf 'available\tFalse')"
tagged="Tags[?Key=='aurora-clone:manager'].Value"
expect "its secret is there, and ours" "$(text secretsmanager describe-secret --secret-id "$secret" --query "$tagged")" "$stack_name"

# The fields of the secret as name=value in this shell's memory; nothing of it is printed.
field() {
    aws secretsmanager get-secret-value --secret-id "$secret" --query SecretString --output text |
        python3 -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1], ""))' "$1"
}
case $login in
data-api)
    arn=$(output "$clone_stack_id" CloneClusterArn)
    enabled=$(text rds enable-http-endpoint --resource-arn "$arn" --query HttpEndpointEnabled)
    seen=
    # The endpoint takes a while; a paused instance too.
    for _ in 1 2 3 4 5 6 7 8; do
        seen=$(text rds-data execute-statement --resource-arn "$arn" --secret-arn "$secret" --sql 'select 1' --query 'records[0][0].longValue')
        [ "$seen" != 1 ] || break
        sleep "$poll"
    done
    expect "its password opens it, by the Data API ($enabled)" "$seen" 1
    ;;
psql)
    # From the environment, never as an argument, which others on this machine could read.
    seen=$(PGPASSWORD=$(field password) PGCONNECT_TIMEOUT=60 PGSSLMODE=require try psql --host "$endpoint" --port "$port" \
        --username "$(field username)" --dbname "$(field dbname)" --no-psqlrc --tuples-only --no-align --command 'select 1')
    expect "its password opens it, by psql" "$seen" 1
    ;;
mysql)
    seen=$(MYSQL_PWD=$(field password) try mysql --host="$endpoint" --port="$port" --user="$(field username)" --connect-timeout=60 \
        --ssl-mode=REQUIRED --batch --skip-column-names --execute='select 1')
    expect "its password opens it, by mysql" "$seen" 1
    ;;
*) result skip "its password opens it" "no --login" ;;
esac

say ""
say "Updating it in place"
# The account itself as a principal: IAM decides, as it did before. It takes the policy of the secret to be written, though.
[[ $function =~ ^arn:([a-z-]+): ]]
principal="arn:${BASH_REMATCH[1]}:iam::$found_account:root"
error=$(text cloudformation update-stack --stack-name "$clone_stack_id" --template-body "file://$template" --query StackId --parameters \
    "${parameters[@]}" "ParameterKey=AccessPrincipalArns,ParameterValue=$principal")
if [ "$error" != "$clone_stack_id" ]; then
    result FAIL "the stack takes an update" "$error"
else
    expect "the update is complete" "$(settled "$clone_stack_id")" UPDATE_COMPLETE
    policy=$(text secretsmanager get-resource-policy --secret-id "$secret" --query ResourcePolicy)
    if [[ $policy == *"$principal"* || $policy == *"\"$found_account\""* ]]; then
        result pass "the secret's policy names who was added"
    else
        result FAIL "the secret's policy names who was added" "$policy"
    fi
    query='DBClusters[0].[Status, DbClusterResourceId]'
    expect "it is the same database" "$(text rds describe-db-clusters --db-cluster-identifier "$cluster" --query "$query")" "$(printf 'available\t%s' "$resource")"
fi

say ""
say "Deleting it"
begun=$SECONDS
aws cloudformation delete-stack --stack-name "$clone_stack_id"
status=$(settled "$clone_stack_id")
expect "the stack is gone, after $(((SECONDS - begun) / 60)) minutes" "$status" DELETE_COMPLETE
if [ "$status" = DELETE_COMPLETE ]; then clone_stack=; fi
is_gone() {
    if [[ $2 == *"$3"* ]]; then result pass "$1 is gone"; else result FAIL "$1 is gone" "$2"; fi
}
is_gone "the clone" "$(text rds describe-db-clusters --db-cluster-identifier "$cluster" --query 'DBClusters[0].Status')" DBClusterNotFound
# Secrets Manager tells of a deleted secret for a little while.
seen=$(text secretsmanager describe-secret --secret-id "$secret" --query DeletedDate)
case $seen in
*ResourceNotFound*) result pass "the secret is gone" ;;
None | '') result FAIL "the secret is gone" "$secret is there" ;;
*) result pass "the secret is gone" "deleted at $seen" ;;
esac
query='DBClusters[0].[Status, DbClusterResourceId]'
expect "the source is as it was" "$(text rds describe-db-clusters --db-cluster-identifier "$source" --query "$query")" "$(printf 'available\t%s' "$source_resource")"
print_table
