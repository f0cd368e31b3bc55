"""boto3 and the AWS CLI against Secrets Manager, KMS and EventBridge of the served fake AWS."""

import datetime
import json
import subprocess
import sys
import time
import uuid

import pytest
from botocore.exceptions import ClientError

SLOW = ("--speed", "0.01")
FAST = ("--speed", "3600")
ROLE = "arn:aws:iam::123456789012:role/app"


def policy(principal, action):
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def name():
    return f"test/{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def secrets(serve, client):
    return client("secretsmanager", serve(*SLOW))


@pytest.fixture(scope="module")
def kms(serve, client):
    return client("kms", serve(*SLOW))


def test_a_secret_lives_and_is_told(secrets):
    made = secrets.create_secret(
        Name=name(), SecretString="hush", Description="of a clone", Tags=[{"Key": "team", "Value": "shop"}]
    )
    secret = {"SecretId": made["ARN"]}
    assert secrets.get_secret_value(**secret)["SecretString"] == "hush"
    new = secrets.put_secret_value(SecretString="new", **secret)
    assert new["VersionStages"] == ["AWSCURRENT"]
    assert secrets.get_secret_value(SecretId=made["Name"])["SecretString"] == "new"
    assert secrets.get_secret_value(VersionStage="AWSPREVIOUS", **secret)["VersionId"] == made["VersionId"]
    secrets.update_secret(Description="another", **secret)
    secrets.tag_resource(Tags=[{"Key": "a", "Value": "b"}], **secret)
    secrets.untag_resource(TagKeys=["team"], **secret)
    described = secrets.describe_secret(**secret)
    assert (described["Description"], described["Tags"]) == ("another", [{"Key": "a", "Value": "b"}])
    assert described["VersionIdsToStages"][new["VersionId"]] == ["AWSCURRENT"]
    assert described["LastChangedDate"] >= described["CreatedDate"]


def test_a_token_makes_a_creation_repeatable(secrets):
    request = {"Name": name(), "SecretString": "hush", "ClientRequestToken": str(uuid.uuid4())}
    assert secrets.create_secret(**request)["ARN"] == secrets.create_secret(**request)["ARN"]
    with pytest.raises(secrets.exceptions.ResourceExistsException):
        secrets.create_secret(**request | {"SecretString": "other"})
    with pytest.raises(secrets.exceptions.ResourceExistsException):
        secrets.create_secret(Name=request["Name"], SecretString="hush")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException, match="can't find the specified secret"):
        secrets.describe_secret(SecretId=name())


def test_policies(secrets):
    secret = {"SecretId": secrets.create_secret(Name=name(), SecretString="hush")["ARN"]}
    assert "ResourcePolicy" not in secrets.get_resource_policy(**secret)
    given = policy({"AWS": ROLE}, "secretsmanager:GetSecretValue")
    secrets.put_resource_policy(ResourcePolicy=given, BlockPublicPolicy=True, **secret)
    assert secrets.get_resource_policy(**secret)["ResourcePolicy"] == given
    with pytest.raises(secrets.exceptions.PublicPolicyException):
        secrets.put_resource_policy(ResourcePolicy=policy("*", "*"), BlockPublicPolicy=True, **secret)
    with pytest.raises(secrets.exceptions.MalformedPolicyDocumentException):
        secrets.put_resource_policy(ResourcePolicy="{", **secret)
    secrets.delete_resource_policy(**secret)
    assert "ResourcePolicy" not in secrets.get_resource_policy(**secret)


def test_a_deleted_name_is_blocked_and_then_free(serve, client):
    secrets = client("secretsmanager", serve(*FAST))
    made = secrets.create_secret(Name=name(), SecretString="hush")
    deleted = secrets.delete_secret(SecretId=made["ARN"], RecoveryWindowInDays=30)
    assert deleted["DeletionDate"] - datetime.timedelta(days=29) > secrets.describe_secret(SecretId=made["ARN"])["CreatedDate"]
    with pytest.raises(secrets.exceptions.InvalidRequestException, match="already scheduled for deletion"):
        secrets.create_secret(Name=made["Name"], SecretString="hush")
    with pytest.raises(secrets.exceptions.InvalidRequestException, match="marked for deletion"):
        secrets.get_secret_value(SecretId=made["ARN"])
    secrets.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)
    secrets.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)
    for _ in range(100):
        try:
            again = secrets.create_secret(Name=made["Name"], SecretString="hush")
            break
        except secrets.exceptions.InvalidRequestException:
            time.sleep(0.1)
    assert again["ARN"] != made["ARN"]


def test_a_paginator_and_filters(secrets):
    prefix = name()
    for number in range(5):
        secrets.create_secret(Name=f"{prefix}/{number}", Tags=[{"Key": f"k{number % 2}", "Value": "v"}])
    filters = [{"Key": "name", "Values": [prefix]}]
    pages = secrets.get_paginator("list_secrets").paginate(Filters=filters, PaginationConfig={"PageSize": 2})
    assert [len(page["SecretList"]) for page in pages] == [2, 2, 1]
    found = secrets.list_secrets(Filters=[*filters, {"Key": "tag-key", "Values": ["k1"]}])["SecretList"]
    assert [secret["Name"] for secret in found] == [f"{prefix}/1", f"{prefix}/3"]


def test_a_key_lives_and_goes(kms, secrets):
    given = policy({"AWS": "arn:aws:iam::123456789012:root"}, "kms:*")
    made = kms.create_key(Policy=given, Tags=[{"TagKey": "team", "TagValue": "shop"}])["KeyMetadata"]
    key = {"KeyId": made["KeyId"]}
    alias = f"alias/{name()}"
    kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"] == made["Arn"]
    with pytest.raises(kms.exceptions.AlreadyExistsException):
        kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
    assert [found["AliasName"] for found in kms.list_aliases(**key)["Aliases"]] == [alias]
    assert kms.get_key_policy(**key)["Policy"] == given
    kms.put_key_policy(Policy=given, PolicyName="default", **key)
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException, match="in the future"):
        kms.put_key_policy(Policy=policy({"AWS": ROLE}, "kms:Decrypt"), **key)
    kms.tag_resource(Tags=[{"TagKey": "a", "TagValue": "b"}], **key)
    kms.untag_resource(TagKeys=["team"], **key)
    assert kms.list_resource_tags(**key)["Tags"] == [{"TagKey": "a", "TagValue": "b"}]

    secret = secrets.create_secret(Name=name(), SecretString="hush", KmsKeyId=alias)["ARN"]
    kms.disable_key(**key)
    with pytest.raises(secrets.exceptions.DecryptionFailure):
        secrets.get_secret_value(SecretId=secret)
    with pytest.raises(secrets.exceptions.EncryptionFailure):
        secrets.create_secret(Name=name(), SecretString="hush", KmsKeyId=made["KeyId"])
    kms.enable_key(**key)
    assert secrets.get_secret_value(SecretId=secret)["SecretString"] == "hush"

    scheduled = kms.schedule_key_deletion(PendingWindowInDays=7, **key)
    assert scheduled["KeyState"] == "PendingDeletion"
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.schedule_key_deletion(**key)
    kms.cancel_key_deletion(**key)
    assert kms.describe_key(**key)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.delete_alias(AliasName=alias)
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId=alias)


def test_keys_and_aliases_are_paged(serve, client):
    kms = client("kms", serve(*SLOW, "--clones", "1"))
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["Keys"]) for page in pages] == [2, 2, 1]
    assert {key["KeyId"] for page in pages for key in page["Keys"]} == made
    aliases = list(kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 1}))
    assert [page["Aliases"][0]["AliasName"] for page in aliases] == ["alias/aws/rds", "alias/aws/secretsmanager"]
    assert kms.describe_key(KeyId="alias/aws/rds")["KeyMetadata"]["KeyManager"] == "AWS"


def test_events(serve, client):
    events = client("events", serve(*SLOW))
    entry = {"Source": "clones", "DetailType": "Clone Ready", "Detail": "{}", "Resources": [ROLE]}
    entry["Time"] = datetime.datetime(2026, 6, 21, tzinfo=datetime.timezone.utc)
    answer = events.put_events(Entries=[entry, entry | {"Source": "aws.rds"}, entry | {"Detail": "no"}])
    assert answer["FailedEntryCount"] == 2
    good, reserved, malformed = answer["Entries"]
    assert good["EventId"]
    assert reserved["ErrorCode"] == "NotAuthorizedForSourceException"
    assert malformed["ErrorCode"] == "MalformedDetail"
    with pytest.raises(ClientError, match="ValidationException.*over the limit"):
        events.put_events(Entries=[entry | {"Detail": json.dumps({"x": "y" * 262144})}])


def test_what_boto3_would_not_send_and_what_is_not_simulated(serve, client):
    url = serve(*SLOW)
    for service, operation, parameters, code in [
        ("secretsmanager", "create_secret", {}, "ValidationException"),
        ("secretsmanager", "restore_secret", {"SecretId": "s"}, "UnknownOperationException"),
        ("kms", "create_alias", {}, "ValidationException"),
        ("kms", "create_grant", {}, "UnknownOperationException"),
        ("events", "put_events", {"Entries": []}, "ValidationException"),
        ("events", "put_rule", {}, "UnknownOperationException"),
    ]:
        with pytest.raises(ClientError) as caught:
            getattr(client(service, url, parameter_validation=False), operation)(**parameters)
        assert caught.value.response["Error"]["Code"] == code, operation


def test_the_aws_cli_knows_them_too(serve):
    def aws(*arguments):
        command = [sys.executable, "-m", "awscli", "--endpoint-url", serve(*SLOW), "--output", "json", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    secret = aws("secretsmanager", "create-secret", "--name", name(), "--secret-string", "hush")
    assert aws("secretsmanager", "get-secret-value", "--secret-id", secret["ARN"])["SecretString"] == "hush"
    key = aws("kms", "create-key")["KeyMetadata"]["KeyId"]
    assert aws("kms", "create-alias", "--alias-name", f"alias/{name()}", "--target-key-id", key) is None
    entries = json.dumps([{"Source": "clones", "DetailType": "d", "Detail": "{}"}])
    assert aws("events", "put-events", "--entries", entries)["FailedEntryCount"] == 0
