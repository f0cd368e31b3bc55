"""What a clone takes over from its source, when it can have an instance, and how it goes."""

import time

from experiments import experiment
from lab import short


@experiment("R5", "R6", "R12", "R13", "R14", "R15", "R23", "R32", minutes=25, instances=2)
def what_a_clone_is_like(lab):
    """Clones the source without saying anything, adds an instance at once, and describes it."""
    source = lab.source()
    lab.restore("plain")
    name = lab.name("plain")
    # R23, R5: right after the restore.
    looks = [lab.cluster(name) is not None for _ in range(20)]
    listed = [name in lab.ours() for _ in range(5)]
    missing = looks.count(False) + listed.count(False)
    lab.saw("R23", f"of 25 looks right after the restore {missing} missed it", missing == 0)
    parameters = {"DBInstanceIdentifier": f"{name}-1", "DBClusterIdentifier": name}
    parameters |= {"DBInstanceClass": "db.serverless", "Engine": lab.engine, "Tags": lab.tags()}
    early, why = lab.attempt(lab.rds.create_db_instance, **parameters)
    if early == "accepted":
        begun = time.monotonic()
        lab.saw("R5", "CreateDBInstance is accepted while the cluster is creating", None)
        lab.await_cluster(name)
        cluster_after = time.monotonic() - begun
        lab.await_instance(f"{name}-1")
        lab.saw("R6", f"the instance is available {time.monotonic() - begun - cluster_after:.1f} s after the cluster", None)
    else:
        lab.saw("R5", f"CreateDBInstance while the cluster is creating: {early} {why}", None)
        lab.saw("R6", "there is nothing to time: R5 is a refusal", None)
        lab.await_cluster(name)
    clone, origin = lab.cluster(name), lab.cluster(source)
    tags = {tag["Key"]: tag["Value"] for tag in clone["TagList"] if not tag["Key"].startswith("aws:")}
    of_source = {tag["Key"]: tag["Value"] for tag in origin["TagList"] if not tag["Key"].startswith("aws:")}
    lab.saw("R12", f"tags of the source {short(of_source)}, of a clone without tags in its request {short(tags)}", tags == of_source)
    range_of_clone = clone.get("ServerlessV2ScalingConfiguration")
    lab.saw("R13", f"ServerlessV2ScalingConfiguration: {short(range_of_clone)}", not range_of_clone)
    fields = ("IAMDatabaseAuthenticationEnabled", "DeletionProtection", "CopyTagsToSnapshot", "EnabledCloudwatchLogsExports")
    off = {field: clone.get(field) for field in fields}
    kept = clone["BackupRetentionPeriod"] == origin["BackupRetentionPeriod"]
    lab.saw("R14", f"{short(off)}, retention {clone['BackupRetentionPeriod']}", kept and not any(off.values()))
    encrypted = [(of["StorageEncrypted"], of.get("StorageEncryptionType")) for of in (origin, clone)]
    lab.saw("R15", f"source and clone are encrypted: {short(encrypted)}", encrypted[0][0] == encrypted[1][0])
    plain = (clone.get("AssociatedRoles", []), clone.get("NetworkType", "IPV4"), clone.get("BacktrackWindow", 0))
    lab.saw("R32", f"roles, network and backtrack: {short(plain)}", plain == ([], "IPV4", 0))
    lab.remove(name)


@experiment("R10", "R19", "R21", "R22", "R26", minutes=12)
def an_empty_clone(lab):
    """Clones a clone without instances, gives it a serverless instance without a range, and deletes it twice."""
    name, _ = lab.clone("empty")
    code, why = lab.attempt(lab.restore, suffix="of-empty", source=name, Tags=lab.tags())
    lab.saw("R10", f"a clone of a cluster without instances: {code} {why if code != 'accepted' else ''}", code == "InvalidDBClusterStateFault")
    if lab.cluster(name).get("ServerlessV2ScalingConfiguration"):
        lab.saw("R19", "the clone has a range (R13), so this can't be asked of it", None)
    else:
        code, why = lab.attempt(lab.instance, cluster=name)
        lab.saw("R19", f"db.serverless without a range: {code} {why if code != 'accepted' else ''}", code == "InvalidDBClusterStateFault")
    arn = lab.cluster(name)["DBClusterArn"]
    code, why = lab.attempt(lab.rds.delete_db_cluster, DBClusterIdentifier=arn, SkipFinalSnapshot=True)
    lab.saw("R26", f"DeleteDBCluster by ARN: {code}", code != "accepted")
    lab.attempt(lab.rds.delete_db_cluster, DBClusterIdentifier=name, SkipFinalSnapshot=True)
    begun = time.monotonic()
    code, why = lab.attempt(lab.rds.delete_db_cluster, DBClusterIdentifier=name, SkipFinalSnapshot=True)
    lab.saw("R21", f"a second deletion: {code} {why if code != 'accepted' else ''}", code == "InvalidDBClusterStateFault")
    lab.watch(lambda: lab.status(name), lambda seen: seen == "gone", poll=lab.quick())
    took = time.monotonic() - begun
    again = [lab.status(name) for _ in range(20)] + ["listed" for _ in range(5) if name in lab.ours()]
    back = [seen for seen in again if seen != "gone"]
    lab.saw("R22", f"gone {took:.0f} s after the deletion; seen again afterwards: {len(back)} of 25 looks", not back)


@experiment("R7", minutes=15, instances=1)
def deletions_of_what_is_being_made(lab):
    """Deletes a cluster right after its restore, and an instance right after its creation."""
    lab.source()
    lab.restore("early", Tags=lab.tags())
    cluster, why = lab.attempt(lab.rds.delete_db_cluster, DBClusterIdentifier=lab.name("early"), SkipFinalSnapshot=True)
    name, _ = lab.clone("later", ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 1})
    lab.instance(name)
    instance, why_not = lab.attempt(lab.rds.delete_db_instance, DBInstanceIdentifier=f"{name}-1")
    words = [f"{what} in creating: {code} {text if code != 'accepted' else ''}" for what, code, text in
             (("cluster", cluster, why), ("instance", instance, why_not))]
    lab.saw("R7", "; ".join(words), None)
    lab.remove(lab.name("early"), name)


@experiment("R9", minutes=25, instances=1)
def a_stopped_source(lab):
    """Stops a clone with an instance and clones it."""
    name, _ = lab.clone("stopped", ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 1})
    lab.instance(name)
    lab.await_instance(f"{name}-1")
    lab.rds.stop_db_cluster(DBClusterIdentifier=name)
    lab.await_cluster(name, "stopped")
    code, why = lab.attempt(lab.restore, suffix="of-stopped", source=name, Tags=lab.tags())
    lab.saw("R9", f"a clone of a stopped cluster: {code} {why if code != 'accepted' else ''}", None)


@experiment("R24", "R25", "R27", "R28", "R36", minutes=12)
def words_and_limits(lab):
    """Lists in pages, tags that are odd, and parameters that do not fit."""
    found = [cluster["DBClusterIdentifier"] for cluster in lab.rds.get_paginator("describe_db_clusters").paginate(
        PaginationConfig={"PageSize": 20}).search("DBClusters[]")]
    lab.saw("R24", f"{len(found)} clusters in pages, in order: {found == sorted(found)}", found == sorted(found))
    source = lab.source()
    arn = lab.cluster(source)["DBClusterArn"]
    odd = [
        [{"Key": "ledger-empty", "Value": ""}],
        [{"Key": f"ledger-{number}", "Value": "x"} for number in range(51)],
        [{"Key": "ledger-twice", "Value": "a"}, {"Key": "ledger-twice", "Value": "b"}],
    ]
    codes = [lab.attempt(lab.rds.add_tags_to_resource, ResourceName=arn, Tags=tags)[0] for tags in odd]
    lab.attempt(lab.rds.remove_tags_from_resource, ResourceName=arn, TagKeys=["ledger-empty", "ledger-twice"])
    lab.saw("R25", f"an empty value, 51 tags, a key twice: {codes}", codes == ["accepted", "InvalidParameterValue", "InvalidParameterValue"])
    elsewhere = arn.split(":")
    elsewhere[4] = "000000000000"
    code, why = lab.attempt(lab.restore, suffix="foreign", source=":".join(elsewhere), Tags=lab.tags())
    lab.saw("R27", f"a source of another account: {code} {why if code != 'accepted' else ''}", code == "DBClusterNotFoundFault")
    other = "default.aurora-mysql8.0" if "postgres" in lab.engine else "default.aurora-postgresql16"
    code, why = lab.attempt(lab.restore, suffix="odd-group", DBClusterParameterGroupName=other, Tags=lab.tags())
    lab.saw("R28", f"a group of another family: {code} {why if code != 'accepted' else ''}", code == "InvalidParameterCombination")
    code, why = lab.attempt(lab.restore, suffix="dual", NetworkType="DUAL", Tags=lab.tags())
    lab.saw("R36", f"DUAL where the subnet group has none: {code} {why if code != 'accepted' else ''}", code == "NetworkTypeNotSupported")
