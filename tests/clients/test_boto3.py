"""boto3 against the served fake AWS: all fifteen RDS operations and their errors, and a smoke test of the rest.

A server's `--speed` is simulated seconds per real second: at SLOW nothing that takes time ends while a test looks.
"""

import datetime
import json
import time

import pytest
from botocore.exceptions import ClientError, WaiterError

SLOW = ("--speed", "0.01")
FAST = ("--speed", "3600")
CLASS = "db.r6g.large"
POSTGRES = "aurora-postgresql"
BROKEN_KEY = "00000000-0000-0000-0000-00000000dead"
ACCOUNT = "arn:aws:rds:eu-west-1:123456789012"
POLL = {"Delay": 1, "MaxAttempts": 20}


@pytest.fixture(scope="module")
def slow(serve, client):
    return client("rds", serve(*SLOW))


@pytest.fixture(scope="module")
def fast(serve, client):
    return client("rds", serve(*FAST))


@pytest.fixture(scope="module")
def many(serve, client):
    return client("rds", serve(*SLOW, "--clusters", "119"))


def clone(rds, name, source="prod", **more):
    return rds.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier=name,
        SourceDBClusterIdentifier=source,
        RestoreType="copy-on-write",
        UseLatestRestorableTime=True,
        **more,
    )["DBCluster"]


def add_instance(rds, name, cluster, **more):
    return rds.create_db_instance(
        DBInstanceIdentifier=name, DBClusterIdentifier=cluster, DBInstanceClass=CLASS, Engine=POSTGRES, **more
    )["DBInstance"]


def create(rds, name, **more):
    parameters = {"Engine": POSTGRES, "MasterUsername": "dba", "MasterUserPassword": "correct horse"} | more
    return rds.create_db_cluster(DBClusterIdentifier=name, **parameters)["DBCluster"]


def cluster(rds, name):
    return rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]


def refused(call, *arguments, **parameters):
    """Makes a call that must fail: (HTTP status, code, message)."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **parameters)
    response = caught.value.response
    assert response["Error"]["Type"] == "Sender"
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


# --- reading


def test_a_paginator_walks_all_pages(many):
    for operation, key, name in [
        ("describe_db_clusters", "DBClusters", "DBClusterIdentifier"),
        ("describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    ]:
        pages = list(many.get_paginator(operation).paginate())
        assert [len(page[key]) for page in pages] == [100, 20]
        pages = list(many.get_paginator(operation).paginate(PaginationConfig={"PageSize": 50}))
        assert [len(page[key]) for page in pages] == [50, 50, 20]
        found = [item[name] for page in pages for item in page[key]]
        assert len(set(found)) == 120 and found == sorted(found)
        some = many.get_paginator(operation).paginate(PaginationConfig={"MaxItems": 30, "PageSize": 20})
        first = some.build_full_result()
        assert len(first[key]) == 30
        rest = many.get_paginator(operation).paginate(PaginationConfig={"StartingToken": first["NextToken"]})
        assert len(rest.build_full_result()[key]) == 90


def test_pages_can_be_filtered(many):
    paginate = many.get_paginator("describe_db_clusters").paginate
    ids = [f"other-{number:03}" for number in range(1, 41)]
    pages = list(paginate(Filters=[{"Name": "db-cluster-id", "Values": ids}], PaginationConfig={"PageSize": 20}))
    assert [len(page["DBClusters"]) for page in pages] == [20, 20]
    assert list(paginate().search("DBClusters[?DBClusterIdentifier=='prod'].Status")) == ["available"]


def test_a_cluster_and_its_instance_are_fully_shown(slow):
    found = cluster(slow, "prod")
    assert found["DBClusterArn"] == f"{ACCOUNT}:cluster:prod" == cluster(slow, found["DBClusterArn"])["DBClusterArn"]
    assert found["DBClusterMembers"] == [
        {
            "DBInstanceIdentifier": "prod-1",
            "IsClusterWriter": True,
            "DBClusterParameterGroupStatus": "in-sync",
            "PromotionTier": 1,
        }
    ]
    assert found["TagList"] == [{"Key": "team", "Value": "shop"}]
    assert isinstance(found["ClusterCreateTime"], datetime.datetime)
    assert isinstance(found["Port"], int) and found["DeletionProtection"] is False
    instance = slow.describe_db_instances(DBInstanceIdentifier="prod-1")["DBInstances"][0]
    assert instance["Endpoint"]["Port"] == found["Port"]
    assert instance["DBSubnetGroup"]["DBSubnetGroupName"] == found["DBSubnetGroup"] == "data"
    assert instance["PubliclyAccessible"] is False


def test_filters(serve, client):
    rds = client("rds", serve(*SLOW, "--clones", "2", "--copies", "1"))
    group = cluster(rds, "prod")["CloneGroupId"]
    instance = rds.describe_db_instances(DBInstanceIdentifier="clone-1-1")["DBInstances"][0]

    def clusters(*filters):
        filters = [{"Name": name, "Values": values} for name, values in filters]
        return [found["DBClusterIdentifier"] for found in rds.describe_db_clusters(Filters=filters)["DBClusters"]]

    def instances(name, *values):
        found = rds.describe_db_instances(Filters=[{"Name": name, "Values": values}])["DBInstances"]
        return [found["DBInstanceIdentifier"] for found in found]

    assert clusters(("clone-group-id", [group])) == ["clone-1", "clone-2", "copy-1", "prod"]
    assert clusters(("clone-group-id", ["another"])) == []
    assert clusters(("db-cluster-id", ["clone-1", f"{ACCOUNT}:cluster:prod"])) == ["clone-1", "prod"]
    assert clusters(("db-cluster-resource-id", [cluster(rds, "prod")["DbClusterResourceId"]])) == ["prod"]
    assert clusters(("engine", [POSTGRES]), ("db-cluster-id", ["copy-1", "nothing"])) == ["copy-1"]
    assert clusters(("engine", ["aurora-mysql"])) == []
    assert instances("db-cluster-id", "clone-2") == ["clone-2-1"]
    assert instances("db-instance-id", "clone-2-1", "prod-1") == ["clone-2-1", "prod-1"]
    assert instances("dbi-resource-id", instance["DbiResourceId"]) == ["clone-1-1"]
    code = refused(rds.describe_db_clusters, Filters=[{"Name": "tag:team", "Values": ["shop"]}])[:2]
    assert code == (400, "InvalidParameterValue")


# --- a life


def test_a_cluster_from_creation_to_deletion(fast):
    made = create(
        fast,
        "life",
        DatabaseName="shop",
        DBSubnetGroupName="data",
        DBClusterParameterGroupName="prod-params",
        VpcSecurityGroupIds=["sg-1", "sg-2"],
        EnableCloudwatchLogsExports=["postgresql"],
        ServerlessV2ScalingConfiguration={"MinCapacity": 0, "MaxCapacity": 4, "SecondsUntilAutoPause": 600},
        DeletionProtection=True,
        BackupRetentionPeriod=3,
        StorageType="aurora-iopt1",
        Tags=[{"Key": "owner", "Value": "me @ home"}],
    )
    assert (made["Status"], made["DatabaseName"], made["StorageType"]) == ("creating", "shop", "aurora-iopt1")
    assert made["ServerlessV2ScalingConfiguration"] == {
        "MinCapacity": 0.0,
        "MaxCapacity": 4.0,
        "SecondsUntilAutoPause": 600,
    }
    assert [group["VpcSecurityGroupId"] for group in made["VpcSecurityGroups"]] == ["sg-1", "sg-2"]
    assert made["TagList"] == [{"Key": "owner", "Value": "me @ home"}]
    fast.get_waiter("db_cluster_available").wait(DBClusterIdentifier="life", WaiterConfig=POLL)

    instance = fast.create_db_instance(
        DBInstanceIdentifier="life-1",
        DBClusterIdentifier="life",
        DBInstanceClass="db.serverless",
        Engine=POSTGRES,
        MonitoringInterval=60,
        MonitoringRoleArn="arn:aws:iam::123456789012:role/monitoring",
        EnablePerformanceInsights=True,
        PerformanceInsightsRetentionPeriod=7,
        Tags=[{"Key": "k", "Value": "v"}],
    )["DBInstance"]
    assert (instance["DBInstanceStatus"], instance["EnabledCloudwatchLogsExports"]) == ("creating", ["postgresql"])
    assert "Endpoint" not in instance
    fast.get_waiter("db_instance_available").wait(DBInstanceIdentifier="life-1", WaiterConfig=POLL)

    modified = fast.modify_db_instance(
        DBInstanceIdentifier="life-1", PromotionTier=0, PubliclyAccessible=False, ApplyImmediately=True
    )["DBInstance"]
    assert modified["PromotionTier"] == 0 or modified["PendingModifiedValues"] == {}
    fast.get_waiter("db_instance_available").wait(DBInstanceIdentifier="life-1", WaiterConfig=POLL)
    modified = fast.modify_db_cluster(
        DBClusterIdentifier="life", MasterUserPassword="another one", DeletionProtection=False, ApplyImmediately=True
    )["DBCluster"]
    assert (modified["DeletionProtection"], modified["PendingModifiedValues"]["MasterUserPassword"]) == (False, "****")
    time.sleep(0.1)
    found = cluster(fast, "life")
    assert (found["Status"], "PendingModifiedValues" in found) == ("available", False)
    assert fast.describe_db_instances(DBInstanceIdentifier="life-1")["DBInstances"][0]["PromotionTier"] == 0

    fast.delete_db_instance(DBInstanceIdentifier="life-1", SkipFinalSnapshot=True)
    fast.delete_db_cluster(DBClusterIdentifier="life", SkipFinalSnapshot=True)
    fast.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="life-1", WaiterConfig=POLL)
    fast.get_waiter("db_cluster_deleted").wait(DBClusterIdentifier="life", WaiterConfig=POLL)


def test_a_clone_from_restore_to_deletion(fast):
    made = clone(fast, "Kid", DBSubnetGroupName="data", Tags=[{"Key": "a", "Value": ""}])
    assert (made["DBClusterIdentifier"], made["Status"], made["DBClusterMembers"]) == ("kid", "creating", [])
    assert made["CloneGroupId"] == cluster(fast, "prod")["CloneGroupId"]
    add_instance(fast, "kid-1", "kid")
    fast.get_waiter("db_instance_available").wait(DBInstanceIdentifier="kid-1", WaiterConfig=POLL)
    assert cluster(fast, "kid")["Status"] == "available"
    status, code, message = refused(fast.delete_db_cluster, DBClusterIdentifier="kid", SkipFinalSnapshot=True)
    assert (status, code) == (400, "InvalidDBClusterStateFault")
    assert message == "Cluster cannot be deleted, it still contains DB instances in non-deleting state."
    fast.delete_db_instance(DBInstanceIdentifier="kid-1")
    gone = fast.delete_db_cluster(DBClusterIdentifier="kid", SkipFinalSnapshot=True)["DBCluster"]
    assert gone["Status"] == "deleting"
    fast.get_waiter("db_cluster_deleted").wait(DBClusterIdentifier="kid", WaiterConfig=POLL)
    assert refused(fast.describe_db_instances, DBInstanceIdentifier="kid-1")[:2] == (404, "DBInstanceNotFound")


def test_the_sixteenth_clone_looks_like_the_fifteenth_and_takes_hours(serve, client):
    rds = client("rds", serve("--speed", "1800", "--clones", "14"))
    fifteenth, sixteenth = clone(rds, "fifteenth"), clone(rds, "sixteenth")
    assert fifteenth.keys() == sixteenth.keys()
    assert fifteenth["CloneGroupId"] == sixteenth["CloneGroupId"]
    time.sleep(0.2)
    # Six minutes of theirs later:
    assert cluster(rds, "fifteenth")["Status"] == "available"
    assert cluster(rds, "sixteenth")["Status"] == "creating"
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="sixteenth", WaiterConfig=POLL)


def test_a_waiter_gives_up_on_what_does_not_come(slow):
    clone(slow, "never")
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        slow.get_waiter("db_cluster_available").wait(
            DBClusterIdentifier="never", WaiterConfig={"Delay": 1, "MaxAttempts": 2}
        )
    slow.delete_db_cluster(DBClusterIdentifier="never", SkipFinalSnapshot=True)
    with pytest.raises(WaiterError, match='terminal failure state.*"deleting"'):
        slow.get_waiter("db_cluster_available").wait(DBClusterIdentifier="never", WaiterConfig=POLL)


def test_a_managed_password(fast):
    create(fast, "managed")
    fast.get_waiter("db_cluster_available").wait(DBClusterIdentifier="managed", WaiterConfig=POLL)
    made = fast.modify_db_cluster(DBClusterIdentifier="managed", ManageMasterUserPassword=True)["DBCluster"]
    assert made["MasterUserSecret"]["SecretStatus"] == "creating"
    assert made["MasterUserSecret"]["SecretArn"].split(":")[-1].startswith("rds!cluster-")
    assert made["PendingModifiedValues"] == {"MasterUserPassword": "****"}
    add_instance(fast, "managed-1", "managed")
    fast.get_waiter("db_instance_available").wait(DBInstanceIdentifier="managed-1", WaiterConfig=POLL)
    time.sleep(0.1)
    found = cluster(fast, "managed")
    assert (found["Status"], found["MasterUserSecret"]["SecretStatus"]) == ("available", "active")
    assert found["MasterUserSecret"]["SecretArn"] == made["MasterUserSecret"]["SecretArn"]
    code = refused(fast.modify_db_cluster, DBClusterIdentifier="managed", MasterUserPassword="another one")[:2]
    assert code == COMBINATION
    made = fast.modify_db_cluster(
        DBClusterIdentifier="managed", MasterUserPassword="another one", ManageMasterUserPassword=False
    )["DBCluster"]
    assert "MasterUserSecret" not in made


def test_roles_log_exports_and_insights(fast):
    role = {"RoleArn": "arn:aws:iam::123456789012:role/export", "FeatureName": "s3Export"}
    made = clone(fast, "roles", AssociatedRoles=[role], NetworkType="IPV4", BacktrackWindow=0)
    assert made["AssociatedRoles"] == [role | {"Status": "PENDING"}]
    fast.get_waiter("db_cluster_available").wait(DBClusterIdentifier="roles", WaiterConfig=POLL)
    time.sleep(0.1)
    fast.add_role_to_db_cluster(**ROLE | {"DBClusterIdentifier": "roles"})
    code = refused(fast.add_role_to_db_cluster, **ROLE | {"DBClusterIdentifier": "roles"})[:2]
    assert code == (400, "DBClusterRoleAlreadyExists")
    fast.remove_role_from_db_cluster(DBClusterIdentifier="roles", **role)
    found = cluster(fast, "roles")["AssociatedRoles"]
    assert [(one["RoleArn"], one["FeatureName"]) for one in found] == [(ROLE["RoleArn"], ROLE["FeatureName"])]

    change = {"EnableLogTypes": ["postgresql"], "DisableLogTypes": ["instance"]}
    made = fast.modify_db_cluster(
        DBClusterIdentifier="roles",
        CloudwatchLogsExportConfiguration=change,
        EngineLifecycleSupport="open-source-rds-extended-support-disabled",
    )["DBCluster"]
    assert made["PendingModifiedValues"] == {"PendingCloudwatchLogsExports": {"LogTypesToEnable": ["postgresql"]}}
    assert made["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled"
    time.sleep(0.1)
    assert cluster(fast, "roles")["EnabledCloudwatchLogsExports"] == ["postgresql"]

    add_instance(fast, "roles-1", "roles", EnablePerformanceInsights=True, PerformanceInsightsKMSKeyId="1")
    fast.get_waiter("db_instance_available").wait(DBInstanceIdentifier="roles-1", WaiterConfig=POLL)
    made = fast.modify_db_instance(
        DBInstanceIdentifier="roles-1",
        DBInstanceClass="db.r6g.xlarge",
        PerformanceInsightsRetentionPeriod=93,
        DBParameterGroupName="default.aurora-postgresql16",
        ApplyImmediately=True,
    )["DBInstance"]
    assert (made["DBInstanceClass"], made["PendingModifiedValues"]) == (CLASS, {"DBInstanceClass": "db.r6g.xlarge"})
    time.sleep(0.1)
    found = fast.describe_db_instances(DBInstanceIdentifier="roles-1")["DBInstances"][0]
    assert (found["DBInstanceClass"], found["PendingModifiedValues"]) == ("db.r6g.xlarge", {})
    assert found["PerformanceInsightsKMSKeyId"] == "arn:aws:kms:eu-west-1:123456789012:key/1"
    assert found["PerformanceInsightsRetentionPeriod"] == 93


def test_a_final_snapshot(fast):
    clone(fast, "last", CopyTagsToSnapshot=True, Tags=[{"Key": "a", "Value": "1"}])
    fast.get_waiter("db_cluster_available").wait(DBClusterIdentifier="last", WaiterConfig=POLL)
    fast.delete_db_cluster(DBClusterIdentifier="last", FinalDBSnapshotIdentifier="last-of-last")
    fast.get_waiter("db_cluster_snapshot_available").wait(
        DBClusterSnapshotIdentifier="last-of-last", WaiterConfig=POLL
    )
    fast.get_waiter("db_cluster_deleted").wait(DBClusterIdentifier="last", WaiterConfig=POLL)
    pages = fast.get_paginator("describe_db_cluster_snapshots").paginate(DBClusterIdentifier="last")
    found = [snapshot for page in pages for snapshot in page["DBClusterSnapshots"]]
    assert [(one["Status"], one["SnapshotType"], one["TagList"]) for one in found] == [
        ("available", "manual", [{"Key": "a", "Value": "1"}])
    ]
    create(fast, "again")
    fast.get_waiter("db_cluster_available").wait(DBClusterIdentifier="again", WaiterConfig=POLL)
    status, code, _ = refused(
        fast.delete_db_cluster, DBClusterIdentifier="again", FinalDBSnapshotIdentifier="last-of-last"
    )
    assert (status, code) == (400, "DBClusterSnapshotAlreadyExistsFault")


# --- tags


def test_a_clone_without_tags_inherits_its_sources(slow):
    assert clone(slow, "heir")["TagList"] == [{"Key": "team", "Value": "shop"}]
    assert clone(slow, "empty", Tags=[])["TagList"] == [{"Key": "team", "Value": "shop"}]
    assert clone(slow, "own", Tags=[{"Key": "k", "Value": "v"}])["TagList"] == [{"Key": "k", "Value": "v"}]


def test_tags_come_and_go(slow):
    arn = clone(slow, "tagged", Tags=[{"Key": "a", "Value": "1"}])["DBClusterArn"]
    instance = add_instance(slow, "tagged-1", "tagged")["DBInstanceArn"]
    for name, before in [(arn, {"a": "1"}), (instance, {})]:
        slow.add_tags_to_resource(ResourceName=name, Tags=[{"Key": "b", "Value": "x y"}, {"Key": "c", "Value": ""}])
        tags = slow.list_tags_for_resource(ResourceName=name)["TagList"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == before | {"b": "x y", "c": ""}
        slow.remove_tags_from_resource(ResourceName=name, TagKeys=["b", "c", "never"])
        tags = slow.list_tags_for_resource(ResourceName=name)["TagList"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == before
    for bad in [{"Key": "aws:x", "Value": ""}, {"Key": "k" * 129, "Value": ""}, {"Key": "k", "Value": "v;"}]:
        assert refused(slow.add_tags_to_resource, ResourceName=arn, Tags=[bad])[:2] == (400, "InvalidParameterValue")


# --- refusals: every code that the room knows


NOWHERE = f"{ACCOUNT}:cluster:nowhere"
NO_CLUSTER = (404, "DBClusterNotFoundFault")
NO_INSTANCE = (404, "DBInstanceNotFound")
STATE = (400, "InvalidDBClusterStateFault")
COMBINATION = (400, "InvalidParameterCombination")
VALUE = (400, "InvalidParameterValue")
CREATE = {
    "DBClusterIdentifier": "new",
    "Engine": POSTGRES,
    "MasterUsername": "dba",
    "MasterUserPassword": "correct horse",
}
RESTORE = {
    "DBClusterIdentifier": "new",
    "SourceDBClusterIdentifier": "prod",
    "RestoreType": "copy-on-write",
    "UseLatestRestorableTime": True,
}
INSTANCE = {
    "DBInstanceIdentifier": "new-1",
    "DBClusterIdentifier": "prod",
    "DBInstanceClass": CLASS,
    "Engine": POSTGRES,
}
ROLE = {
    "DBClusterIdentifier": "prod",
    "RoleArn": "arn:aws:iam::123456789012:role/import",
    "FeatureName": "s3Import",
}
REFUSALS = [
    ("describe_db_clusters", {"DBClusterIdentifier": "nowhere"}, NO_CLUSTER),
    ("describe_db_clusters", {"Marker": "nonsense"}, VALUE),
    ("describe_db_clusters", {"MaxRecords": 101}, VALUE),
    ("describe_db_instances", {"DBInstanceIdentifier": "nowhere"}, NO_INSTANCE),
    ("describe_db_instances", {"MaxRecords": 19}, VALUE),
    ("list_tags_for_resource", {"ResourceName": NOWHERE}, NO_CLUSTER),
    ("list_tags_for_resource", {"ResourceName": f"{ACCOUNT}:db:nowhere"}, NO_INSTANCE),
    ("list_tags_for_resource", {"ResourceName": "prod"}, VALUE),
    ("add_tags_to_resource", {"ResourceName": NOWHERE, "Tags": [{"Key": "k", "Value": "v"}]}, NO_CLUSTER),
    ("remove_tags_from_resource", {"ResourceName": f"{ACCOUNT}:db:nowhere", "TagKeys": ["k"]}, NO_INSTANCE),
    ("create_db_cluster", CREATE | {"DBClusterIdentifier": "prod"}, (400, "DBClusterAlreadyExistsFault")),
    ("create_db_cluster", CREATE | {"DBSubnetGroupName": "nowhere"}, (404, "DBSubnetGroupNotFoundFault")),
    ("create_db_cluster", CREATE | {"DBClusterParameterGroupName": "x"}, (404, "DBClusterParameterGroupNotFound")),
    ("create_db_cluster", CREATE | {"StorageType": "gp3"}, (400, "StorageTypeNotSupported")),
    ("create_db_cluster", CREATE | {"NetworkType": "DUAL"}, (400, "NetworkTypeNotSupported")),
    ("create_db_cluster", CREATE | {"KmsKeyId": BROKEN_KEY}, (400, "KMSKeyNotAccessibleFault")),
    ("create_db_cluster", CREATE | {"MasterUserPassword": "short"}, VALUE),
    ("create_db_cluster", CREATE | {"DBClusterIdentifier": "a--b"}, VALUE),
    ("create_db_cluster", CREATE | {"Engine": "oracle"}, VALUE),
    ("create_db_cluster", CREATE | {"BacktrackWindow": 60}, COMBINATION),
    ("restore_db_cluster_to_point_in_time", RESTORE | {"SourceDBClusterIdentifier": "nowhere"}, NO_CLUSTER),
    (
        "restore_db_cluster_to_point_in_time",
        RESTORE | {"DBClusterIdentifier": "prod"},
        (400, "DBClusterAlreadyExistsFault"),
    ),
    ("restore_db_cluster_to_point_in_time", RESTORE | {"SourceDBClusterIdentifier": "bare"}, STATE),
    (
        "restore_db_cluster_to_point_in_time",
        RESTORE | {"RestoreToTime": datetime.datetime(2026, 1, 1), "UseLatestRestorableTime": False},
        COMBINATION,
    ),
    ("restore_db_cluster_to_point_in_time", RESTORE | {"UseLatestRestorableTime": False}, COMBINATION),
    ("restore_db_cluster_to_point_in_time", RESTORE | {"KmsKeyId": BROKEN_KEY}, (400, "KMSKeyNotAccessibleFault")),
    (
        "restore_db_cluster_to_point_in_time",
        RESTORE | {"DBSubnetGroupName": "nowhere"},
        (404, "DBSubnetGroupNotFoundFault"),
    ),
    (
        "restore_db_cluster_to_point_in_time",
        RESTORE | {"DBClusterParameterGroupName": "nowhere"},
        (404, "DBClusterParameterGroupNotFound"),
    ),
    ("restore_db_cluster_to_point_in_time", RESTORE | {"StorageType": "io1"}, (400, "StorageTypeNotSupported")),
    ("restore_db_cluster_to_point_in_time", RESTORE | {"NetworkType": "DUAL"}, (400, "NetworkTypeNotSupported")),
    ("create_db_instance", INSTANCE | {"DBInstanceIdentifier": "prod-1"}, (400, "DBInstanceAlreadyExists")),
    ("create_db_instance", INSTANCE | {"DBClusterIdentifier": "nowhere"}, NO_CLUSTER),
    ("create_db_instance", INSTANCE | {"DBParameterGroupName": "x"}, (404, "DBParameterGroupNotFound")),
    ("create_db_instance", INSTANCE | {"Engine": "aurora-mysql"}, COMBINATION),
    ("create_db_instance", INSTANCE | {"MasterUserPassword": "not here"}, COMBINATION),
    ("create_db_instance", INSTANCE | {"DBInstanceClass": "db.serverless"}, STATE),
    ("create_db_instance", INSTANCE | {"DBInstanceClass": "large"}, VALUE),
    ("create_db_instance", INSTANCE | {"DBClusterIdentifier": "going"}, STATE),
    ("modify_db_cluster", {"DBClusterIdentifier": "nowhere"}, NO_CLUSTER),
    ("modify_db_cluster", {"DBClusterIdentifier": "bare", "DeletionProtection": True}, STATE),
    ("modify_db_cluster", {"DBClusterIdentifier": "prod", "MasterUserPassword": "with/slash"}, VALUE),
    ("modify_db_cluster", {"DBClusterIdentifier": "prod", "RotateMasterUserPassword": True}, COMBINATION),
    ("modify_db_cluster", {"DBClusterIdentifier": "prod", "ManageMasterUserPassword": False}, COMBINATION),
    (
        "modify_db_cluster",
        {"DBClusterIdentifier": "prod", "ManageMasterUserPassword": True, "MasterUserPassword": "another one"},
        COMBINATION,
    ),
    (
        "modify_db_cluster",
        {"DBClusterIdentifier": "prod", "ManageMasterUserPassword": True, "MasterUserSecretKmsKeyId": BROKEN_KEY},
        (400, "KMSKeyNotAccessibleFault"),
    ),
    (
        "modify_db_cluster",
        {"DBClusterIdentifier": "prod", "CloudwatchLogsExportConfiguration": {"EnableLogTypes": ["slowquery"]}},
        COMBINATION,
    ),
    ("add_role_to_db_cluster", ROLE | {"DBClusterIdentifier": "nowhere"}, NO_CLUSTER),
    ("add_role_to_db_cluster", ROLE | {"DBClusterIdentifier": "bare"}, STATE),
    ("add_role_to_db_cluster", ROLE | {"RoleArn": "arn:aws:iam::1:user/someone"}, VALUE),
    ("remove_role_from_db_cluster", ROLE, (404, "DBClusterRoleNotFound")),
    ("remove_role_from_db_cluster", ROLE | {"DBClusterIdentifier": "bare"}, STATE),
    (
        "restore_db_cluster_to_point_in_time",
        RESTORE | {"AssociatedRoles": [{"RoleArn": f"{ROLE['RoleArn']}-{number}"} for number in range(6)]},
        (400, "DBClusterRoleQuotaExceeded"),
    ),
    ("describe_db_cluster_snapshots", {"DBClusterSnapshotIdentifier": "x"}, (404, "DBClusterSnapshotNotFoundFault")),
    ("describe_db_cluster_snapshots", {"SnapshotType": "final"}, VALUE),
    (
        "describe_db_cluster_snapshots",
        {"DBClusterSnapshotIdentifier": "x", "DBClusterIdentifier": "prod"},
        COMBINATION,
    ),
    ("create_db_instance", INSTANCE | {"PerformanceInsightsKMSKeyId": "1"}, COMBINATION),
    (
        "create_db_instance",
        INSTANCE | {"EnablePerformanceInsights": True, "PerformanceInsightsKMSKeyId": BROKEN_KEY},
        (400, "KMSKeyNotAccessibleFault"),
    ),
    (
        "modify_db_cluster",
        {"DBClusterIdentifier": "prod", "NewDBClusterIdentifier": "bare", "ApplyImmediately": True},
        (400, "DBClusterAlreadyExistsFault"),
    ),
    (
        "modify_db_cluster",
        {"DBClusterIdentifier": "prod", "StorageType": "gp3", "ApplyImmediately": True},
        (400, "StorageTypeNotSupported"),
    ),
    ("modify_db_instance", {"DBInstanceIdentifier": "nowhere"}, NO_INSTANCE),
    (
        "modify_db_instance",
        {"DBInstanceIdentifier": "prod-1", "DBParameterGroupName": "nowhere", "ApplyImmediately": True},
        (404, "DBParameterGroupNotFound"),
    ),
    ("modify_db_instance", {"DBInstanceIdentifier": "going-1", "PromotionTier": 2}, (400, "InvalidDBInstanceState")),
    ("delete_db_instance", {"DBInstanceIdentifier": "nowhere"}, NO_INSTANCE),
    ("delete_db_instance", {"DBInstanceIdentifier": "going-1"}, (400, "InvalidDBInstanceState")),
    ("delete_db_instance", {"DBInstanceIdentifier": "prod-1", "FinalDBSnapshotIdentifier": "last"}, COMBINATION),
    ("delete_db_cluster", {"DBClusterIdentifier": "nowhere", "SkipFinalSnapshot": True}, NO_CLUSTER),
    ("delete_db_cluster", {"DBClusterIdentifier": "prod", "SkipFinalSnapshot": True}, STATE),
    ("delete_db_cluster", {"DBClusterIdentifier": "going", "SkipFinalSnapshot": True}, STATE),
    ("delete_db_cluster", {"DBClusterIdentifier": "kept", "SkipFinalSnapshot": True}, COMBINATION),
    ("delete_db_cluster", {"DBClusterIdentifier": "bare"}, COMBINATION),
]


@pytest.fixture(scope="module")
def scene(serve, client):
    """`prod`; `bare` is creating and has no instance; `kept` is protected; `going` and `going-1` are being deleted."""
    rds = client("rds", serve(*SLOW, "--copies", "1"))
    create(rds, "bare")
    create(rds, "kept", DeletionProtection=True)
    create(rds, "going")
    add_instance(rds, "going-1", "going")
    rds.delete_db_instance(DBInstanceIdentifier="going-1")
    rds.delete_db_cluster(DBClusterIdentifier="going", SkipFinalSnapshot=True)
    return rds


@pytest.mark.parametrize(("call", "parameters", "expected"), REFUSALS)
def test_refusals(scene, call, parameters, expected):
    before = scene.describe_db_clusters()["DBClusters"]
    assert refused(getattr(scene, call), **parameters)[:2] == expected
    after = scene.describe_db_clusters()["DBClusters"]
    moving = ("LatestRestorableTime",)
    without = [[{k: v for k, v in found.items() if k not in moving} for found in state] for state in (before, after)]
    assert without[0] == without[1]


def test_quotas(serve, client):
    rds = client("rds", serve(*SLOW, "--clusters", "39"))
    assert refused(create, rds, "new")[:2] == (403, "DBClusterQuotaExceededFault")
    assert refused(clone, rds, "new")[:2] == (403, "DBClusterQuotaExceededFault")
    assert refused(add_instance, rds, "new-1", "prod")[:2] == (400, "InstanceQuotaExceeded")


def test_what_boto3_would_not_send(serve, client):
    rds = client("rds", serve(*SLOW), parameter_validation=False)
    for call in ["create_db_instance", "delete_db_cluster", "modify_db_cluster", "list_tags_for_resource"]:
        assert refused(getattr(rds, call))[:2] == (400, "MissingParameter")
    status, code, message = refused(rds.describe_db_snapshots)
    assert (status, code) == (400, "InvalidAction") and "DescribeDBSnapshots" in message


def test_markup_in_a_message_survives(slow):
    name = """a<b>&amp;'"]]>é\r\n\t"""
    assert refused(slow.describe_db_clusters, DBClusterIdentifier=name) == (
        *NO_CLUSTER,
        f"DBCluster {name[:-3]}??? not found.",
    )


def test_exceptions_have_classes(slow):
    with pytest.raises(slow.exceptions.DBClusterNotFoundFault):
        slow.describe_db_clusters(DBClusterIdentifier="nowhere")
    with pytest.raises(slow.exceptions.DBInstanceNotFoundFault):
        slow.describe_db_instances(DBInstanceIdentifier="nowhere")
    with pytest.raises(slow.exceptions.DBClusterAlreadyExistsFault):
        clone(slow, "prod")


# --- the other services


def test_dynamodb_writes_on_conditions(serve, client):
    dynamodb = client("dynamodb", serve(*FAST))
    key = {"id": {"S": "lock/prod"}}
    free = {"TableName": "requests", "ConditionExpression": "attribute_not_exists(id)"}
    item = key | {"holder": {"S": "a"}, "until": {"N": "100"}}
    dynamodb.put_item(Item=item, **free)
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as caught:
        dynamodb.put_item(Item=item, ReturnValuesOnConditionCheckFailure="ALL_OLD", **free)
    assert caught.value.response["Item"] == item
    found = dynamodb.get_item(TableName="requests", Key=key, ConsistentRead=True)
    assert found["Item"] == item and found["ResponseMetadata"]["RequestId"]
    update = {
        "TableName": "requests",
        "Key": key,
        "UpdateExpression": "SET #h = :new, #u = :later",
        "ConditionExpression": "#h = :old OR #u < :now",
        "ExpressionAttributeNames": {"#h": "holder", "#u": "until"},
        "ReturnValues": "ALL_NEW",
    }
    values = {":new": {"S": "b"}, ":later": {"N": "300"}, ":old": {"S": "nobody"}}
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.update_item(ExpressionAttributeValues=values | {":now": {"N": "99"}}, **update)
    new = dynamodb.update_item(ExpressionAttributeValues=values | {":now": {"N": "101"}}, **update)["Attributes"]
    assert new == key | {"holder": {"S": "b"}, "until": {"N": "300"}}
    assert dynamodb.scan(TableName="requests")["Items"] == [new]
    assert dynamodb.delete_item(TableName="requests", Key=key, ReturnValues="ALL_OLD")["Attributes"] == new
    assert "Item" not in dynamodb.get_item(TableName="requests", Key=key)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.get_item(TableName="nothing", Key=key)
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.update_item(TableName="requests", Key=key, UpdateExpression="SET nonsense")


def test_stepfunctions_starts_describes_lists_and_stops(serve, client):
    states = client("stepfunctions", serve("--speed", "60"))
    machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:pause"

    def start(name, seconds):
        document = json.dumps({"seconds": seconds})
        return states.start_execution(stateMachineArn=machine, name=name, input=document)["executionArn"]

    long = start("long", 36000)
    assert start("long", 36000) == long
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        start("long", 1)
    short = start("short", 1)
    found = states.describe_execution(executionArn=long)
    assert (found["status"], json.loads(found["input"])) == ("RUNNING", {"seconds": 36000})
    states.stop_execution(executionArn=long, error="Enough", cause="It takes too long")
    found = states.describe_execution(executionArn=long)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "It takes too long")
    assert found["stopDate"] >= found["startDate"]
    time.sleep(0.3)
    assert states.describe_execution(executionArn=short)["status"] == "SUCCEEDED"
    for number in range(3):
        start(f"more-{number}", 36000)
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine, PaginationConfig={"PageSize": 2})
    names = [[execution["name"] for execution in page["executions"]] for page in pages]
    assert names == [["more-2", "more-1"], ["more-0", "short"], ["long"]]
    listed = states.list_executions(stateMachineArn=machine, statusFilter="ABORTED")["executions"]
    assert [execution["name"] for execution in listed] == ["long"]
    with pytest.raises(states.exceptions.ExecutionDoesNotExist):
        states.describe_execution(executionArn=f"{short}-not")
    with pytest.raises(states.exceptions.StateMachineDoesNotExist):
        states.start_execution(stateMachineArn=f"{machine}-not")
    with pytest.raises(states.exceptions.InvalidArn):
        states.describe_execution(executionArn="short")
    with pytest.raises(states.exceptions.InvalidExecutionInput):
        states.start_execution(stateMachineArn=machine, input="{")


TEMPLATE = """
Parameters:
  Colour: {Type: String}
Resources:
  Echo:
    Type: Custom::Echo
    Properties:
      ServiceToken: arn:aws:lambda:eu-west-1:123456789012:function:echo
      Colour: !Ref Colour
Outputs:
  Colour:
    Description: What came back
    Value: !GetAtt Echo.Colour
    Export: {Name: !Sub "${AWS::StackName}-colour"}
"""


def test_cloudformation_tells_of_stacks_and_says_what_it_does_not_know(serve, client):
    formation = client("cloudformation", serve("--speed", "60"))
    for call, parameters in [
        ("describe_stacks", {"StackName": "nowhere"}),
        ("describe_stack_resources", {"StackName": "nowhere"}),
        ("describe_stack_events", {"StackName": "nowhere"}),
        ("describe_stack_resource", {"StackName": "nowhere", "LogicalResourceId": "Echo"}),
        ("update_stack", {"StackName": "nowhere", "TemplateBody": TEMPLATE}),
    ]:
        status, code, message = refused(getattr(formation, call), **parameters)
        assert (status, code) == (400, "ValidationError") and "nowhere" in message, (call, message)
    assert formation.describe_stacks()["Stacks"] == []

    colour = [{"ParameterKey": "Colour", "ParameterValue": "red"}]
    one = {"StackName": "one", "TemplateBody": TEMPLATE}
    tags = [{"Key": "k", "Value": "v"}]
    made = formation.create_stack(Parameters=colour, Tags=tags, Capabilities=["CAPABILITY_IAM"], **one)["StackId"]
    assert refused(formation.create_stack, Parameters=colour, **one)[:2] == (400, "AlreadyExistsException")
    formation.get_waiter("stack_create_complete").wait(StackName="one", WaiterConfig=POLL)
    stack = formation.describe_stacks(StackName=made)["Stacks"][0]
    assert stack["Outputs"] == [
        {"OutputKey": "Colour", "OutputValue": "red", "Description": "What came back", "ExportName": "one-colour"}
    ]
    assert (stack["Tags"], stack["Parameters"]) == (tags, colour)
    detail = formation.describe_stack_resource(StackName="one", LogicalResourceId="Echo")["StackResourceDetail"]
    assert (detail["ResourceStatus"], detail["PhysicalResourceId"]) == ("CREATE_COMPLETE", "echo-Echo")
    assert len(formation.describe_stack_resources(StackName="one")["StackResources"]) == 1
    events = list(formation.get_paginator("describe_stack_events").paginate(StackName="one").search("StackEvents"))
    assert events[0]["ResourceStatus"] == "CREATE_COMPLETE" and events[-1]["ResourceStatus"] == "CREATE_IN_PROGRESS"
    exports = formation.list_exports()["Exports"]
    assert exports == [{"ExportingStackId": made, "Name": "one-colour", "Value": "red"}]

    formation.update_stack(Parameters=[{"ParameterKey": "Colour", "ParameterValue": "blue"}], **one)
    formation.get_waiter("stack_update_complete").wait(StackName="one", WaiterConfig=POLL)
    assert formation.describe_stacks(StackName="one")["Stacks"][0]["Outputs"][0]["OutputValue"] == "blue"
    status, code, message = refused(
        formation.update_stack, Parameters=[{"ParameterKey": "Colour", "UsePreviousValue": True}], **one
    )
    assert (status, code, message) == (400, "ValidationError", "No updates are to be performed.")
    formation.delete_stack(StackName="one")
    formation.get_waiter("stack_delete_complete").wait(StackName=made, WaiterConfig=POLL)
    assert formation.describe_stacks(StackName=made)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    assert refused(formation.describe_stacks, StackName="one")[1] == "ValidationError"


def test_a_stack_whose_resource_fails_is_rolled_back(serve, client):
    formation = client("cloudformation", serve("--speed", "60"))
    template = TEMPLATE.replace("Colour: !Ref Colour", 'Colour: red\n      Fail: "yes"')
    parameters = [{"ParameterKey": "Colour", "ParameterValue": "red"}]
    formation.create_stack(StackName="two", TemplateBody=template, Parameters=parameters)
    with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
        formation.get_waiter("stack_create_complete").wait(StackName="two", WaiterConfig=POLL)
    events = formation.describe_stack_events(StackName="two")["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert [event["LogicalResourceId"] for event in failed] == ["Echo"]
    assert "Fail is set" in failed[0]["ResourceStatusReason"]
