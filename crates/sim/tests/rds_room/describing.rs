use aurora_clone_sim::rds::{CopyKind, SeedCluster};
use chrono::Duration;

use crate::room::{MANAGER, Room, element, elements, seed, text};

const CLUSTERS: &str = "DescribeDBClusters";
const INSTANCES: &str = "DescribeDBInstances";
const ARN: &str = "arn:aws:rds:eu-west-1:123456789012:cluster:prod";

#[test]
fn two_hundred_and_fifty_clusters_come_in_three_pages() {
    let mut room = Room::new();
    for number in 0..250 {
        room.world.rds.seed_cluster(seed(&format!("c{number:03}")));
    }
    for (operation, item, suffix) in
        [(CLUSTERS, "DBClusterIdentifier", ""), (INSTANCES, "DBInstanceIdentifier", "-1")]
    {
        let mut sizes = Vec::new();
        let mut found = Vec::new();
        let mut marker = String::new();
        loop {
            let page = match marker.as_str() {
                "" => room.ok(operation, &[]),
                marker => room.ok(operation, &[("Marker", marker), ("MaxRecords", "100")]),
            };
            // The names inside of members and of the instance's cluster do not count.
            let wanted =
                if operation == CLUSTERS { "<BackupRetentionPeriod>" } else { "<InstanceCreateTime>" };
            sizes.push(page.matches(wanted).count());
            found.extend(elements(&page, item).into_iter().filter(|id| id.len() == 4 + suffix.len()));
            marker = element(&page, "Marker");
            if marker.is_empty() {
                break;
            }
        }
        assert_eq!(sizes, [100, 100, 50]);
        found.dedup();
        assert_eq!(found, (0..250).map(|number| format!("c{number:03}{suffix}")).collect::<Vec<_>>());
    }
    assert_eq!(elements(&room.ok(CLUSTERS, &[("MaxRecords", "20")]), "DbClusterResourceId").len(), 20);
}

#[test]
fn page_sizes_and_markers_are_checked() {
    let mut room = Room::with_prod();
    for operation in [CLUSTERS, INSTANCES] {
        for bad in ["19", "101", "0", "-1", "many"] {
            room.refused(400, "InvalidParameterValue", operation, &[("MaxRecords", bad)]);
        }
        for bad in ["", "x", "zz", "6", "706"] {
            room.refused(400, "InvalidParameterValue", operation, &[("Marker", bad)]);
        }
    }
}

#[test]
fn a_cluster_is_found_by_identifier_and_arn_in_any_case() {
    let mut room = Room::with_prod();
    for name in ["prod", "PROD", ARN] {
        let found = room.ok(CLUSTERS, &[("DBClusterIdentifier", name), ("IncludeShared", "true")]);
        assert_eq!(element(&found, "DBClusterArn"), ARN);
    }
    for name in [
        "prod2",
        "arn:aws:rds:eu-west-1:999999999999:cluster:prod",
        "arn:aws:rds:us-east-1:123456789012:cluster:prod",
    ] {
        room.refused(404, "DBClusterNotFoundFault", CLUSTERS, &[("DBClusterIdentifier", name)]);
    }
    room.ok(INSTANCES, &[("DBInstanceIdentifier", "prod-1")]);
    room.ok(INSTANCES, &[("DBInstanceIdentifier", "arn:aws:rds:eu-west-1:123456789012:db:prod-1")]);
    room.refused(404, "DBInstanceNotFound", INSTANCES, &[("DBInstanceIdentifier", "prod-2")]);
}

fn filter(room: &mut Room, operation: &str, name: &str, values: &[&str]) -> Vec<String> {
    let names: Vec<String> =
        (1..=values.len()).map(|number| format!("Filters.Filter.1.Values.Value.{number}")).collect();
    let mut parameters = vec![("Filters.Filter.1.Name", name)];
    parameters.extend(names.iter().map(String::as_str).zip(values.iter().copied()));
    elements(
        &room.ok(operation, &parameters),
        if operation == CLUSTERS { "DBClusterArn" } else { "DBInstanceArn" },
    )
    .into_iter()
    .map(|arn| arn.rsplit(':').next().unwrap().to_owned())
    .collect()
}

#[test]
fn filters_find_what_they_name_and_nothing_is_no_error() {
    let mut room = Room::with_prod();
    room.world.rds.seed_cluster(SeedCluster {
        engine: "aurora-mysql".into(),
        engine_version: "8.0.mysql_aurora.3.08.0".into(),
        ..seed("shop")
    });
    let kid = SeedCluster { parent: Some(("prod".into(), CopyKind::CopyOnWrite)), ..seed("kid") };
    room.world.rds.seed_cluster(kid);
    let group = room.world.rds.cluster("prod").unwrap().clone_group.clone().unwrap();
    let resource = room.world.rds.cluster("shop").unwrap().resource_id.clone();
    let instance = room.world.rds.instance("shop-1").unwrap().resource_id.clone();

    for (operation, name, values, found) in [
        (CLUSTERS, "clone-group-id", vec![group.as_str()], vec!["kid", "prod"]),
        (CLUSTERS, "db-cluster-id", vec!["prod"], vec!["prod"]),
        (CLUSTERS, "db-cluster-id", vec![ARN, "shop"], vec!["prod", "shop"]),
        (CLUSTERS, "db-cluster-id", vec!["nothing"], vec![]),
        (CLUSTERS, "db-cluster-resource-id", vec![resource.as_str()], vec!["shop"]),
        (CLUSTERS, "domain", vec!["d-1"], vec![]),
        (CLUSTERS, "engine", vec!["aurora-mysql"], vec!["shop"]),
        (INSTANCES, "db-cluster-id", vec![ARN], vec!["prod-1"]),
        (INSTANCES, "db-instance-id", vec!["prod-1", "kid-1"], vec!["kid-1", "prod-1"]),
        (INSTANCES, "dbi-resource-id", vec![instance.as_str()], vec!["shop-1"]),
        (INSTANCES, "domain", vec!["d-1"], vec![]),
        (INSTANCES, "engine", vec!["aurora-mysql"], vec!["shop-1"]),
    ] {
        assert_eq!(filter(&mut room, operation, name, &values), found, "{operation} {name} {values:?}");
    }
    // Several filters must all fit.
    let both = [
        ("Filters.Filter.1.Name", "engine"),
        ("Filters.Filter.1.Values.Value.1", "aurora-mysql"),
        ("Filters.Filter.2.Name", "db-cluster-id"),
        ("Filters.Filter.2.Values.Value.1", "prod"),
    ];
    assert_eq!(elements(&room.ok(CLUSTERS, &both), "DBClusterArn").len(), 0);
}

#[test]
fn wrong_filters_and_parameters_are_named() {
    let mut room = Room::with_prod();
    for operation in [CLUSTERS, INSTANCES] {
        let filter = [("Filters.Filter.1.Name", "tag:x"), ("Filters.Filter.1.Values.Value.1", "y")];
        room.refused(400, "InvalidParameterValue", operation, &filter);
        room.refused(400, "InvalidParameterValue", operation, &[("Filters.Filter.1.Name", "engine")]);
        let wrong = [("Filters.Filter.1.Name", "engine"), ("Filters.Filter.1.Values.member.1", "y")];
        room.refused(400, "InvalidParameterCombination", operation, &wrong);
        let message = room.refused(400, "InvalidParameterCombination", operation, &[("Colour", "red")]);
        assert!(message.contains("Colour"), "{message}");
    }
    room.refused(400, "InvalidParameterValue", CLUSTERS, &[("IncludeShared", "perhaps")]);
    room.refused(400, "InvalidAction", "PaintDBCluster", &[]);
    room.refused(400, "InvalidAction", "StopDBCluster", &[("DBClusterIdentifier", "prod")]);
}

#[test]
fn a_cluster_shows_its_members_and_who_writes() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { instances: 2, ..seed("prod") });
    let found = room.ok(CLUSTERS, &[("DBClusterIdentifier", "prod")]);
    assert_eq!(elements(&found, "IsClusterWriter"), ["true", "false"]);
    assert_eq!(elements(&found, "DBInstanceIdentifier"), ["prod-1", "prod-2"]);
    assert_eq!(element(&found, "DbClusterResourceId"), room.world.rds.cluster("prod").unwrap().resource_id);
    let resource = element(&found, "DbClusterResourceId");
    assert!(resource.starts_with("cluster-") && resource[8..].to_uppercase() == resource[8..]);
}

#[test]
fn a_stale_read_misses_the_new_and_still_shows_the_gone() {
    let mut room = Room::with_prod();
    room.wait(Duration::minutes(10));
    room.clone_of(MANAGER, "kid", "prod");
    room.wait(Duration::minutes(1));
    let by_id = [("DBClusterIdentifier", "kid")];

    let old = room.stale(Duration::minutes(2), CLUSTERS, &by_id);
    assert_eq!((old.status, element(&text(&old), "Code").as_str()), (404, "DBClusterNotFoundFault"));
    let all = text(&room.stale(Duration::minutes(2), CLUSTERS, &[]));
    assert_eq!(elements(&all, "DbClusterResourceId").len(), 1, "seeds are always there");
    assert_eq!(element(&all, "CloneGroupId"), "");
    assert_eq!(element(&room.ok(CLUSTERS, &by_id), "Status"), "creating");

    room.wait(Duration::minutes(10));
    assert_eq!(element(&room.ok(CLUSTERS, &by_id), "Status"), "available");
    let old = text(&room.stale(Duration::minutes(10), CLUSTERS, &by_id));
    assert_eq!(element(&old, "Status"), "creating", "time passes in the past as well");

    room.ok("DeleteDBCluster", &[("DBClusterIdentifier", "kid"), ("SkipFinalSnapshot", "true")]);
    room.wait(Duration::minutes(5));
    room.refused(404, "DBClusterNotFoundFault", CLUSTERS, &by_id);
    for (age, status) in [(301, "available"), (290, "deleting")] {
        let old = text(&room.stale(Duration::seconds(age), CLUSTERS, &by_id));
        assert_eq!(element(&old, "Status"), status, "{age} s ago");
    }
    let arn = "arn:aws:rds:eu-west-1:123456789012:cluster:kid";
    assert_eq!(room.stale(Duration::minutes(6), "ListTagsForResource", &[("ResourceName", arn)]).status, 200);
}

#[test]
fn ten_thousand_clusters_are_a_hundred_pages() {
    let mut room = Room::new();
    for number in 0..10_000 {
        room.world.rds.seed_cluster(seed(&format!("c{number:05}")));
    }
    let (mut seen, mut pages, mut marker) = (Vec::new(), 0, String::new());
    loop {
        let next = [("Marker", marker.as_str())];
        let page = text(&room.call(MANAGER, CLUSTERS, if pages == 0 { &[] } else { &next }));
        seen.extend(elements(&page, "DBClusterArn"));
        pages += 1;
        marker = element(&page, "Marker");
        if marker.is_empty() {
            break;
        }
    }
    assert_eq!((pages, seen.len()), (100, 10_000));
    assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]));
}
