"""A room of one's own in an account: everything that a run makes begins with its prefix, and nothing else can be touched.

The prefix is drawn anew for every run. A guard looks at each call before it leaves this process: one that changes something whose
name does not begin with the prefix is an error of ours, and is not sent.
"""

import json
import re
import secrets
import statistics
import time

from botocore.exceptions import ClientError

PREFIX = re.compile(r"ledger-[0-9a-f]{8}-")
TAG = "aurora-clone-ledger"
READS = ("Describe", "List", "Get", "Assume")
# Every parameter that names what a call is about.
NAMES = (
    "DBClusterIdentifier",
    "SourceDBClusterIdentifier",
    "DBInstanceIdentifier",
    "DBClusterSnapshotIdentifier",
    "SnapshotIdentifier",
    "FinalDBSnapshotIdentifier",
    "ResourceName",
    "resourceArn",
    "secretArn",
    "SecretId",
    "Name",
    "KeyId",
    "TargetKeyId",
    "AliasName",
    "RoleName",
)
SERVICES = ("rds", "secretsmanager", "kms", "events", "ssm", "iam", "cloudformation", "cloudwatch", "rds-data")


class NotOurs(Exception):
    """A call was about to change what this run did not make."""


class Lab:
    def __init__(self, session, prefix=None, *, poll=5.0, longest=5400.0, say=print, engine="aurora-postgresql", **options):
        self.prefix = prefix or f"ledger-{secrets.token_hex(4)}-"
        assert PREFIX.fullmatch(self.prefix), self.prefix
        self.session, self.poll, self.longest, self.say, self.engine = session, poll, longest, say, engine
        self.options = options
        self.keys, self.sources, self.seen = set(), {}, {}
        # Set when the run is to end: what waits in other threads gives up then, too.
        self.stopping = False
        self.clients = {service: self.client(session, service) for service in SERVICES}
        self.rds, self.secrets, self.kms = (self.clients[service] for service in ("rds", "secretsmanager", "kms"))

    def client(self, session, service):
        client = session.client(service)
        client.meta.events.register(f"provide-client-params.{client.meta.service_model.service_id.hyphenize()}", self.guard)
        return client

    def guard(self, params, model, **_):
        if model.name.startswith(READS):
            return
        for name in NAMES:
            value = params.get(name)
            if isinstance(value, str) and not self.owns(value):
                raise NotOurs(f"{model.name} of {name} {value}, which does not begin with {self.prefix}")

    def owns(self, value):
        """Whether an identifier, a name or an ARN is one of this run."""
        last = re.split(r"[:/]", value)[-1]
        return last.startswith(self.prefix) or value in self.keys or last in self.keys

    def name(self, suffix):
        return self.prefix + suffix

    def saw(self, row, seen, holds):
        """What a row's question was answered with. `holds`: as the simulator has it, otherwise, or None where it has both or
        where it can't be told."""
        self.seen[row] = {"seen": seen, "holds": holds}
        self.say(f"    {row}: {seen} ({ {True: 'as assumed', False: 'NOT as assumed', None: 'open'}[holds] })")

    def attempt(self, call, **parameters):
        """`accepted`, or the code of the refusal; and what came."""
        try:
            return "accepted", call(**parameters)
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"].get("Message", "")

    # --- databases

    def tags(self):
        return [{"Key": TAG, "Value": self.prefix}]

    def source(self, suffix="source"):
        """A small cluster with one instance, made when it is first asked for."""
        if suffix not in self.sources:
            name = self.name(suffix)
            self.sources[suffix] = name
            self.say(f"  making the cluster {name}")
            more = {"EnableHttpEndpoint": True} if self.options.get("data_gib") else {}
            if self.options.get("subnet_group"):
                more["DBSubnetGroupName"] = self.options["subnet_group"]
            self.rds.create_db_cluster(
                DBClusterIdentifier=name,
                Engine=self.engine,
                MasterUsername="ledger",
                MasterUserPassword=self.password(),
                DatabaseName="ledger",
                BackupRetentionPeriod=3,
                EnableIAMDatabaseAuthentication=True,
                CopyTagsToSnapshot=True,
                ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 2},
                Tags=self.tags(),
                **more,
            )
            self.instance(name)
            self.await_cluster(name)
            self.await_instance(f"{name}-1")
        return self.sources[suffix]

    def password(self):
        return secrets.token_hex(16)

    def restore(self, suffix, source=None, kind="copy-on-write", **more):
        parameters = {
            "DBClusterIdentifier": self.name(suffix),
            "SourceDBClusterIdentifier": source or self.source(),
            "RestoreType": kind,
            "UseLatestRestorableTime": True,
        }
        if self.options.get("subnet_group"):
            parameters["DBSubnetGroupName"] = self.options["subnet_group"]
        return self.rds.restore_db_cluster_to_point_in_time(**(parameters | more))["DBCluster"]

    def clone(self, suffix, **more):
        """A clone that is available, and how many seconds that took."""
        begun = time.monotonic()
        self.restore(suffix, **({"Tags": self.tags()} | more))
        self.await_cluster(self.name(suffix))
        return self.name(suffix), time.monotonic() - begun

    def instance(self, cluster, number=1, **more):
        parameters = {"DBInstanceClass": "db.serverless", "Engine": self.engine, "Tags": self.tags(), "PubliclyAccessible": False}
        parameters |= {"DBInstanceIdentifier": f"{cluster}-{number}", "DBClusterIdentifier": cluster}
        return self.rds.create_db_instance(**(parameters | more))["DBInstance"]

    def cluster(self, name):
        """The cluster, or None."""
        try:
            return self.rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
        except self.rds.exceptions.DBClusterNotFoundFault:
            return None

    def status(self, name):
        cluster = self.cluster(name)
        return cluster["Status"] if cluster else "gone"

    def instance_status(self, name):
        try:
            return self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"]
        except self.rds.exceptions.DBInstanceNotFoundFault:
            return "gone"

    def watch(self, look, until, longest=None, poll=None):
        """Looks until something is seen, or for so long: each change as (seconds, what was seen)."""
        begun, changes = time.monotonic(), []
        while True:
            seen, after = look(), time.monotonic() - begun
            if not changes or changes[-1][1] != seen:
                changes.append((round(after, 1), seen))
            if until(seen):
                return changes
            if self.stopping:
                raise KeyboardInterrupt
            if after > (self.longest if longest is None else longest):
                raise TimeoutError(f"after {after:.0f} s: {changes}")
            time.sleep(self.poll if poll is None else poll)

    def await_cluster(self, name, status="available"):
        return self.watch(lambda: self.status(name), lambda seen: seen == status)

    def await_instance(self, name, status="available"):
        return self.watch(lambda: self.instance_status(name), lambda seen: seen == status)

    def quick(self):
        """How often to look at what takes seconds."""
        return min(self.poll, 1.0)

    def remove(self, *names):
        """Deletes clusters of ours with their members, and waits until they are gone."""
        for name in names:
            for member in (self.cluster(name) or {}).get("DBClusterMembers", []):
                self.attempt(self.rds.delete_db_instance, DBInstanceIdentifier=member["DBInstanceIdentifier"])
            self.watch(lambda name=name: self.try_to_remove(name), lambda seen: seen in ("accepted", "gone"))
        for name in names:
            self.await_cluster(name, "gone")

    def try_to_remove(self, name):
        if self.status(name) in ("gone", "deleting"):
            return "gone"
        return self.attempt(self.rds.delete_db_cluster, DBClusterIdentifier=name, SkipFinalSnapshot=True)[0]

    # --- the end

    def ours(self):
        """The clusters of this run, by the account's own word: an answer may have been lost."""
        pages = self.rds.get_paginator("describe_db_clusters").paginate()
        found = [cluster["DBClusterIdentifier"] for page in pages for cluster in page["DBClusters"]]
        return [name for name in found if name.startswith(self.prefix)]

    def clean(self):
        """Takes away everything whose name begins with the prefix; what is left over, in words."""
        left, begun = self.ours(), time.monotonic()
        while left and time.monotonic() - begun < self.longest:
            for name in left:
                for member in (self.cluster(name) or {}).get("DBClusterMembers", []):
                    self.attempt(self.rds.delete_db_instance, DBInstanceIdentifier=member["DBInstanceIdentifier"])
                self.try_to_remove(name)
            time.sleep(self.poll)
            left = self.ours()
        deletions = [
            (self.snapshots(), lambda name: self.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)),
            (self.named_secrets(), lambda name: self.secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)),
            (self.roles(), self.delete_role),
        ]
        left += [name for names, delete in deletions for name in names if self.attempt(delete, name=name)[0] != "accepted"]
        self.attempt(self.clients["ssm"].delete_parameter, Name=self.name("parameter"))
        for page in self.kms.get_paginator("list_aliases").paginate():
            ours = [alias for alias in page["Aliases"] if alias["AliasName"].startswith(f"alias/{self.prefix}")]
            self.keys |= {alias["TargetKeyId"] for alias in ours}
        for key in sorted(self.keys):
            self.attempt(self.kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=7)
        return left

    def roles(self):
        code, found = self.attempt(lambda: self.clients["iam"].get_paginator("list_roles").paginate().build_full_result())
        names = [role["RoleName"] for role in found["Roles"]] if code == "accepted" else []
        return [name for name in names if name.startswith(self.prefix)]

    def delete_role(self, name):
        self.attempt(self.clients["iam"].delete_role_policy, RoleName=name, PolicyName="ledger")
        self.clients["iam"].delete_role(RoleName=name)

    def snapshots(self):
        pages = self.rds.get_paginator("describe_db_cluster_snapshots").paginate(SnapshotType="manual")
        found = [snapshot["DBClusterSnapshotIdentifier"] for page in pages for snapshot in page["DBClusterSnapshots"]]
        return [name for name in found if name.startswith(self.prefix)]

    def named_secrets(self):
        pages = self.secrets.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [self.prefix]}])
        found = [secret["Name"] for page in pages for secret in page["SecretList"]]
        return [name for name in found if name.startswith(self.prefix)]


def median(values):
    return statistics.median(values)


def short(value):
    return json.dumps(value, default=str, separators=(",", ":"))[:300]
