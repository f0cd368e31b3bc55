"""What takes seconds and next to nothing: Secrets Manager, KMS, EventBridge, the Parameter Store."""

import json
import time

from experiments import experiment
from lab import short


@experiment("SM1", "SM2", "SM4", "SM5", "SM7", "SM9", "SM15", minutes=3, more_dollars=0.01)
def secrets(lab):
    """Makes secrets without any meaning, repeats that, and deletes them in every way."""
    make, describe = lab.secrets.create_secret, lab.secrets.describe_secret
    name, token = lab.name("secret"), "0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f"
    arn = make(Name=name, SecretString="a", ClientRequestToken=token, Tags=lab.tags())["ARN"]
    begun = time.monotonic()

    def listed():
        return name in [secret["Name"] for secret in lab.secrets.list_secrets(Filters=[{"Key": "name", "Values": [name]}])["SecretList"]]

    lab.watch(listed, lambda seen: seen, longest=600, poll=lab.quick())
    lab.saw("SM9", f"ListSecrets shows a new secret after {time.monotonic() - begun:.1f} s", None)
    codes = [
        lab.attempt(make, Name=name, SecretString="a", ClientRequestToken=token, Tags=[{"Key": "other", "Value": "x"}])[0],
        lab.attempt(make, Name=name, SecretString="b", ClientRequestToken=token)[0],
        lab.attempt(make, Name=name, ClientRequestToken=token)[0],
    ]
    wanted = ["accepted", "ResourceExistsException", "ResourceExistsException"]
    lab.saw("SM5", f"the same token with other tags, another value, no value: {codes}", codes == wanted)
    wrong = lab.name("no-such-key")
    empty = lab.name("empty")
    code, why = lab.attempt(make, Name=empty, KmsKeyId=f"alias/{wrong}")
    lab.saw("SM7", f"a secret without a value and with a key that is not there: {code} {why if code != 'accepted' else ''}", code == "accepted")
    foreign = arn.split(":")
    foreign[4] = "000000000000"
    code, why = lab.attempt(describe, SecretId=":".join(foreign))
    lab.saw("SM15", f"a secret of another account: {code} {why if code != 'accepted' else ''}", code == "ResourceNotFoundException")
    answer = lab.secrets.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    shown = describe(SecretId=name).get("DeletedDate")
    days = (answer["DeletionDate"] - shown).total_seconds() / 86_400
    lab.saw("SM4", f"DeletedDate is {days:.2f} days before the end of the recovery window", abs(days) < 0.01)
    delete = lambda of: lab.attempt(lab.secrets.delete_secret, SecretId=of, ForceDeleteWithoutRecovery=True)[0]  # noqa: E731
    codes = [delete(name), delete(name), delete(lab.name("never-was"))]
    lab.saw("SM2", f"forced deletions of a deleted one, again, of what never was: {codes}", codes == ["accepted"] * 3)
    begun, tries = time.monotonic(), []

    def again():
        tries.append(lab.attempt(make, Name=name, SecretString="c", Tags=lab.tags())[0])
        return tries[-1]

    lab.watch(again, lambda seen: seen == "accepted", longest=600, poll=lab.quick())
    words = f"the name is free again {time.monotonic() - begun:.1f} s after a forced deletion; until then {sorted(set(tries[:-1]))}"
    lab.saw("SM1", words, set(tries[:-1]) <= {"InvalidRequestException"})
    delete(name)


@experiment("SM11", "SM12", minutes=1)
def policies_of_secrets(lab):
    """Gives a secret policies that AWS should refuse: for everybody, and for a role that does not exist."""
    name = lab.name("shared")
    arn = lab.secrets.create_secret(Name=name, SecretString="a", Tags=lab.tags())["ARN"]
    partition, account = arn.split(":")[1], arn.split(":")[4]

    def put(principal):
        statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return lab.attempt(lab.secrets.put_resource_policy, SecretId=name, ResourcePolicy=policy, BlockPublicPolicy=True)

    code, why = put("*")
    lab.saw("SM11", f"a policy for everybody: {code}", code == "PublicPolicyException")
    code, why = put(f"arn:{partition}:iam::{account}:role/{lab.name('never-was')}")
    lab.saw("SM12", f"a policy for a role that does not exist: {code} {why if code != 'accepted' else ''}", None)
    lab.secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


@experiment("K3", "K4", "K5", "K7", "K8", minutes=2, more_dollars=0.01)
def keys(lab):
    """Makes one KMS key, looks at it at once, schedules its deletion, and tries what should then be refused."""
    metadata = lab.kms.create_key(Description=lab.name("key"), Tags=[{"TagKey": "aurora-clone-ledger", "TagValue": lab.prefix}])["KeyMetadata"]
    key, arn = metadata["KeyId"], metadata["Arn"]
    lab.keys |= {key, arn}
    looks = [lab.attempt(lab.kms.describe_key, KeyId=key)[0] for _ in range(10)]
    lab.saw("K8", f"of 10 looks right after the creation {looks.count('accepted')} found it", looks.count("accepted") == 10)
    partition, account = arn.split(":")[1], arn.split(":")[4]
    statement = {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"}
    given = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    lab.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=given)
    shown = lab.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    lab.saw("K7", f"the same text: {shown == given}; the same meaning: {json.loads(shown) == json.loads(given)}", shown == given)
    alias = f"alias/{lab.name('alias')}"
    lab.kms.create_alias(AliasName=alias, TargetKeyId=key)
    code, why = lab.attempt(lab.kms.disable_key, KeyId=alias)
    lab.saw("K4", f"DisableKey by alias: {code}", code == "NotFoundException")
    code, why = lab.attempt(lab.kms.create_alias, AliasName=f"alias/aws/{lab.prefix}x", TargetKeyId=key)
    lab.saw("K5", f"an alias in alias/aws/: {code}", code == "NotAuthorizedException")
    lab.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    tag = [{"TagKey": "a", "TagValue": "b"}]
    codes = {
        "PutKeyPolicy": lab.attempt(lab.kms.put_key_policy, KeyId=key, PolicyName="default", Policy=given)[0],
        "TagResource": lab.attempt(lab.kms.tag_resource, KeyId=key, Tags=tag)[0],
        "CreateAlias": lab.attempt(lab.kms.create_alias, AliasName=f"{alias}-2", TargetKeyId=key)[0],
        "EnableKey": lab.attempt(lab.kms.enable_key, KeyId=key)[0],
        "DisableKey": lab.attempt(lab.kms.disable_key, KeyId=key)[0],
        "ScheduleKeyDeletion": lab.attempt(lab.kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=7)[0],
        "DeleteAlias": lab.attempt(lab.kms.delete_alias, AliasName=alias)[0],
    }
    taken = {"PutKeyPolicy", "DeleteAlias"}
    wanted = all(code == ("accepted" if call in taken else "KMSInvalidStateException") for call, code in codes.items())
    lab.saw("K3", f"of a key that waits for its deletion: {short(codes)}", wanted)


@experiment("E1", "E2", "E3", "E4", "E5", minutes=1)
def events(lab):
    """Puts events that go nowhere: to a bus that is not there, too large, or badly named."""
    put = lab.clients["events"].put_events
    source = lab.name("events")

    def one(**changes):
        code, answer = lab.attempt(put, Entries=[{"Source": source, "DetailType": "x", "Detail": "{}"} | changes])
        return code if code != "accepted" else answer["Entries"][0].get("ErrorCode", "taken")

    seen = one(EventBusName=lab.name("never-was"))
    lab.saw("E2", f"a bus that does not exist: {seen}", seen == "taken")
    code, _ = lab.attempt(put, Entries=[{"EventBusName": "default"}])
    lab.saw("E3", f"an entry without source, type and detail: {code}", code == "ValidationException")
    seen = one(Source="aws.ledger")
    lab.saw("E4", f"a source that begins with aws.: {seen}", seen == "NotAuthorizedForSourceException")
    seen = one(DetailType="x" * 129)
    lab.saw("E5", f"a detail type of 129 characters: {seen}", seen == "InvalidArgument")
    bus = lab.name("never-was")
    large = one(EventBusName=bus, Detail=json.dumps({"x": "x" * 300_000}))
    lab.saw("E1", f"an entry of 300 kB: {large}", None)


@experiment("PS1", "PS2", "PS3", minutes=1)
def parameters(lab):
    """Writes a parameter, reads it at once, makes it too long, and changes its type."""
    ssm, name = lab.clients["ssm"], lab.name("parameter")
    ssm.put_parameter(Name=name, Value="a", Type="String")
    looks = [lab.attempt(ssm.get_parameter, Name=name)[0] for _ in range(10)]
    ssm.put_parameter(Name=name, Value="b", Type="String", Overwrite=True)
    values = {ssm.get_parameter(Name=name)["Parameter"]["Value"] for _ in range(10)}
    words = f"of 10 looks right after the creation {looks.count('accepted')} found it; after a change {sorted(values)}"
    lab.saw("PS1", words, looks.count("accepted") == 10 and values == {"b"})
    code, _ = lab.attempt(ssm.put_parameter, Name=name, Value="x" * 4_097, Type="String", Overwrite=True, Tier="Standard")
    lab.saw("PS2", f"4097 bytes: {code}", code == "ValidationException")
    code, _ = lab.attempt(ssm.put_parameter, Name=name, Value="c", Type="SecureString", Overwrite=True)
    lab.saw("PS3", f"a secure string in the place of a text: {code}", code == "HierarchyTypeMismatchException")
    lab.attempt(ssm.delete_parameter, Name=name)
