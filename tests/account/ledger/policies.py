"""What IAM asks about: roles that lack one permission each, and whether the call is refused.

The roles are made for the run, with the run's prefix, may do no more than is tried, and may be taken on by the caller alone.
"""

import json
import time

import boto3
from experiments import experiment
from lab import short

# IAM takes a while until a new role and its policy count everywhere.
SETTLING = 20


class Role:
    """A role of the run, while it is needed."""

    def __init__(self, lab, suffix, statements):
        self.lab, self.name, self.iam = lab, lab.name(suffix), lab.clients["iam"]
        self.caller = lab.session.client("sts").get_caller_identity()
        self.statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in statements]

    def __enter__(self):
        partition, account = self.caller["Arn"].split(":")[1], self.caller["Account"]
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        document = lambda statements: json.dumps({"Version": "2012-10-17", "Statement": statements})  # noqa: E731
        made = self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=document([trust]), MaxSessionDuration=3600)
        self.iam.put_role_policy(RoleName=self.name, PolicyName="ledger", PolicyDocument=document(self.statements))
        time.sleep(min(SETTLING, self.lab.poll * 4))
        credentials = self.assume(made["Role"]["Arn"])
        self.session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=self.lab.session.region_name,
        )
        return self

    def assume(self, arn):
        sts = self.lab.session.client("sts")
        for _ in range(12):
            code, answer = self.lab.attempt(sts.assume_role, RoleArn=arn, RoleSessionName="ledger")
            if code == "accepted":
                return answer["Credentials"]
            time.sleep(min(5, self.lab.poll))
        raise TimeoutError(f"{arn} can't be taken on: {code} {answer}")

    def __exit__(self, *_):
        self.lab.attempt(self.iam.delete_role_policy, RoleName=self.name, PolicyName="ledger")
        self.lab.attempt(self.iam.delete_role, RoleName=self.name)

    def may(self, service, call, **parameters):
        """Whether the role may: `may`, or what the refusal names."""
        client = self.lab.client(self.session, service)
        code, answer = self.lab.attempt(getattr(client, call), **parameters)
        if code in ("AccessDenied", "AccessDeniedException"):
            return str(answer)[:300]
        return "may" if code == "accepted" else f"may, then {code}"


def places(lab):
    partition, service, region, account = lab.cluster(lab.source())["DBClusterArn"].split(":")[1:5]
    return f"arn:{partition}:{service}:{region}:{account}"


@experiment("I1", "I2", minutes=15)
def a_restore_and_a_deletion(lab):
    """Clones the source by roles that lack the new cluster, the source or the groups, and deletes a clone by one without snapshots."""
    home = places(lab)
    call = "rds:RestoreDBClusterToPointInTime"
    new, source, groups = f"{home}:cluster:{lab.name('by-')}*", f"{home}:cluster:{lab.source()}", [f"{home}:{kind}:*" for kind in ("cluster-pg", "subgrp", "og")]
    tagging = ("rds:AddTagsToResource", new)
    seen = {}
    variants = {
        "everything": [new, source, *groups],
        "without-new": [source, *groups],
        "without-source": [new, *groups],
        "without-groups": [new, source],
    }
    for what, resources in variants.items():
        with Role(lab, what, [(call, resources), tagging]) as role:
            parameters = {"DBClusterIdentifier": lab.name(f"by-{what}"), "SourceDBClusterIdentifier": lab.source()}
            parameters |= {"RestoreType": "copy-on-write", "UseLatestRestorableTime": True, "Tags": lab.tags()}
            seen[what] = role.may("rds", "restore_db_cluster_to_point_in_time", **parameters)
    may = {what: words.startswith("may") for what, words in seen.items()}
    lab.saw("I1", short(seen), may == {what: what == "everything" for what in variants})
    victim = next((lab.name(f"by-{what}") for what in variants if lab.cluster(lab.name(f"by-{what}"))), None)
    if victim is None:
        lab.saw("I2", "no role could make a clone, so there is none to delete", None)
        return
    lab.await_cluster(victim)
    with Role(lab, "deletes", [("rds:DeleteDBCluster", f"{home}:cluster:{lab.prefix}*")]) as role:
        words = role.may("rds", "delete_db_cluster", DBClusterIdentifier=victim, SkipFinalSnapshot=True)
    lab.saw("I2", f"a deletion without a snapshot, by a role without any on snapshots: {words}", None)
    lab.remove(*[lab.name(f"by-{what}") for what in variants if lab.cluster(lab.name(f"by-{what}"))])


@experiment("I7", "I9", minutes=10)
def a_snapshot_and_a_listing(lab):
    """Takes a tagged snapshot by roles without one permission each, and lists stacks by one without ListStacks."""
    home = places(lab)
    call, snapshot = "rds:CreateDBClusterSnapshot", f"{home}:cluster-snapshot:{lab.prefix}*"
    cluster = f"{home}:cluster:{lab.source()}"
    variants = {
        "everything-9": [(call, [cluster, snapshot]), ("rds:AddTagsToResource", snapshot)],
        "without-cluster": [(call, [snapshot]), ("rds:AddTagsToResource", snapshot)],
        "without-snapshot": [(call, [cluster]), ("rds:AddTagsToResource", snapshot)],
        "without-tagging": [(call, [cluster, snapshot])],
    }
    seen = {}
    for what, statements in variants.items():
        with Role(lab, what, statements) as role:
            parameters = {"DBClusterSnapshotIdentifier": lab.name(f"of-{what}"), "DBClusterIdentifier": lab.source()}
            seen[what] = role.may("rds", "create_db_cluster_snapshot", **parameters, Tags=lab.tags())
            lab.await_cluster(lab.source())
    may = {what: words.startswith("may") for what, words in seen.items()}
    lab.saw("I9", short(seen), may == {what: what == "everything-9" for what in variants})
    seen = {}
    for what, actions in {"describes": ["cloudformation:DescribeStacks"], "lists": ["cloudformation:DescribeStacks", "cloudformation:ListStacks"]}.items():
        with Role(lab, what, [(actions, "*")]) as role:
            seen[what] = role.may("cloudformation", "describe_stacks")
    lab.saw("I7", short(seen), seen["lists"] == "may" and seen["describes"] != "may")
