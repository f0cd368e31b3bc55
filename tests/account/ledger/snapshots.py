"""Snapshots: of a living cluster, at the end of one, restored, and deleted while they are needed."""

import time

from experiments import experiment
from lab import short


def snapshot(lab, name):
    found = lab.rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)["DBClusterSnapshots"]
    return found[0] if found else {}


@experiment("R51", "R52", "R53", "R54", "R57", "R58", "R59", minutes=45, more_dollars=0.02)
def a_snapshot(lab):
    """Takes a snapshot of the source, restores it, deletes it meanwhile, and asks for what is gone."""
    source = lab.source()
    name, more = lab.name("snapshot"), {"Key": "ledger-own", "Value": "request"}
    lab.rds.create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier=name, DBClusterIdentifier=source, Tags=[*lab.tags(), more]
    )
    shown = lab.watch(
        lambda: (lab.status(source), snapshot(lab, name).get("Status")),
        lambda seen: seen == ("available", "available"),
        poll=lab.quick(),
    )
    lab.saw("R52", f"cluster and snapshot: {short(shown)}", None)
    found = snapshot(lab, name)
    tags = sorted(tag["Key"] for tag in found["TagList"])
    of_cluster = sorted(tag["Key"] for tag in lab.cluster(source)["TagList"])
    wanted = set(of_cluster) | {more["Key"]} == set(tags)
    lab.saw("R53", f"tags of the cluster {of_cluster}, of its snapshot, with one in the request, {tags}", wanted)

    begun = time.monotonic()
    lab.rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier=lab.name("restored"), SnapshotIdentifier=name, Engine=lab.engine, Tags=[more],
        **({"DBSubnetGroupName": lab.options["subnet_group"]} if lab.options.get("subnet_group") else {}),
    )
    automated = lab.rds.describe_db_cluster_snapshots(DBClusterIdentifier=source, SnapshotType="automated")
    by_arn, _ = lab.attempt(lab.rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=found["DBClusterSnapshotArn"])
    in_use, why = lab.attempt(lab.rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=name)
    lab.saw("R58", f"a deletion while a restore is creating: {in_use} {why if in_use != 'accepted' else ''}", None)
    lab.await_cluster(lab.name("restored"))
    lab.saw("R57", f"a restore of {found.get('AllocatedStorage', '?')} GiB takes {time.monotonic() - begun:.1f} s", None)
    clone = lab.cluster(lab.name("restored"))
    origin = lab.cluster(source)
    same = {field: (clone[field], origin[field]) for field in ("Port", "BackupRetentionPeriod", "MasterUsername")}
    tags = [tag["Key"] for tag in clone["TagList"]]
    wanted = all(one == other for one, other in same.values()) and tags == [more["Key"]]
    lab.saw("R54", f"restored and original: {short(same)}, tags {tags}", wanted)
    says = lab.attempt(lab.rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=name)[1] if in_use != "accepted" else why
    says = says["DBClusterSnapshot"]["Status"] if isinstance(says, dict) else says
    gone, _ = lab.attempt(lab.rds.describe_db_cluster_snapshots, DBClusterSnapshotIdentifier=name)
    mine = [item["DBClusterSnapshotIdentifier"] for item in automated["DBClusterSnapshots"]]
    words = f"by ARN: {by_arn}; the answer says {says}; at once afterwards: {gone}; {len(mine)} automated ones were left alone"
    lab.saw("R59", words, by_arn != "accepted" and says == "deleted" and gone == "DBClusterSnapshotNotFoundFault")
    code, answer = lab.attempt(lab.rds.describe_db_cluster_snapshots, DBClusterIdentifier=lab.name("never-was"))
    seen = len(answer["DBClusterSnapshots"]) if code == "accepted" else code
    lab.saw("R51", f"snapshots of a cluster that never was: {seen}", seen == 0)
    lab.remove(lab.name("restored"))


@experiment("R49", minutes=15, more_dollars=0.01)
def a_final_snapshot(lab):
    """Deletes a clone with a final snapshot, and looks at both."""
    name, _ = lab.clone("finished")
    final = lab.name("final")
    lab.rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=False, FinalDBSnapshotIdentifier=final)

    def look():
        code, found = lab.attempt(lab.rds.describe_db_cluster_snapshots, DBClusterSnapshotIdentifier=final)
        shown = found["DBClusterSnapshots"][0] if code == "accepted" and found["DBClusterSnapshots"] else {}
        return lab.status(name), shown.get("Status"), shown.get("PercentProgress")

    shown = lab.watch(look, lambda seen: seen[0] == "gone", poll=lab.quick())
    last = shown[-1][1]
    lab.saw("R49", f"cluster, snapshot and progress: {short(shown)}", last[1] == "available")
    lab.attempt(lab.rds.delete_db_cluster_snapshot, DBClusterSnapshotIdentifier=final)
