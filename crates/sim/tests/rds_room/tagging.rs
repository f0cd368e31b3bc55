use std::collections::BTreeMap;

use aurora_clone_sim::rds::SeedCluster;

use crate::room::{Room, STRANGER, elements, restore_parameters, seed};

const CLUSTER: (&str, &str) = ("ResourceName", "arn:aws:rds:eu-west-1:123456789012:cluster:prod");
const INSTANCE: (&str, &str) = ("ResourceName", "arn:aws:rds:eu-west-1:123456789012:db:prod-1");
const ADD: &str = "AddTagsToResource";
const REMOVE: &str = "RemoveTagsFromResource";
const LIST: &str = "ListTagsForResource";

#[test]
fn tags_are_added_replaced_listed_and_removed() {
    for carrier in [CLUSTER, INSTANCE] {
        let mut room = Room::with_prod();
        let one = [carrier, ("Tags.Tag.1.Key", "a"), ("Tags.Tag.1.Value", "1")];
        room.ok_as(STRANGER, ADD, &one);
        let two = [
            carrier,
            ("Tags.Tag.1.Key", "a"),
            ("Tags.Tag.1.Value", "2"),
            ("Tags.Tag.2.Key", "b"),
            ("Tags.Tag.2.Value", "<&> is no tag"),
        ];
        room.refused(400, "InvalidParameterValue", ADD, &two);
        let two = [&two[..4], &[("Tags.Tag.2.Value", "ü 3_.:/=+-@")]].concat();
        room.ok_as(STRANGER, ADD, &two);
        let listed = room.ok(LIST, &[carrier]);
        assert_eq!(
            (elements(&listed, "Key"), elements(&listed, "Value")),
            (vec!["a".to_owned(), "b".to_owned()], vec!["2".to_owned(), "ü 3_.:/=+-@".to_owned()])
        );
        let inline =
            room.ok(if carrier == CLUSTER { "DescribeDBClusters" } else { "DescribeDBInstances" }, &[]);
        assert_eq!(elements(&inline, "Key"), ["a", "b"]);
        room.ok_as(STRANGER, REMOVE, &[carrier, ("TagKeys.member.1", "a"), ("TagKeys.member.2", "zzz")]);
        assert_eq!(elements(&room.ok(LIST, &[carrier]), "Key"), ["b"]);
    }
}

#[test]
fn tags_have_rules_everywhere() {
    let mut room = Room::with_prod();
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    for (key, value) in [
        ("", "x"),
        ("aws:x", "x"),
        ("AWS:x", "x"),
        ("rds:x", "x"),
        ("x", "aws:x"),
        ("x", "{json}"),
        ("a,b", "x"),
        ("x", "tab\t"),
        ("bell\u{7}", "x"),
        (long_key.as_str(), "x"),
        ("x", long_value.as_str()),
    ] {
        let tag = [("Tags.Tag.1.Key", key), ("Tags.Tag.1.Value", value)];
        room.refused(400, "InvalidParameterValue", ADD, &[&[CLUSTER], &tag[..]].concat());
        let restore = [&restore_parameters("kid", "prod", "copy-on-write")[..], &tag].concat();
        room.refused(400, "InvalidParameterValue", "RestoreDBClusterToPointInTime", &restore);
        let create = [
            ("DBInstanceIdentifier", "prod-2"),
            ("DBClusterIdentifier", "prod"),
            ("DBInstanceClass", "db.r6g.large"),
            ("Engine", "aurora-postgresql"),
        ];
        room.refused(400, "InvalidParameterValue", "CreateDBInstance", &[&create[..], &tag].concat());
    }
    let twice = [CLUSTER, ("Tags.Tag.1.Key", "a"), ("Tags.Tag.2.Key", "a")];
    room.refused(400, "InvalidParameterValue", ADD, &twice);
    let wrong = [CLUSTER, ("Tags.Tag.1.Name", "a"), ("Tags.Tag.1.Key", "a")];
    room.refused(400, "InvalidParameterCombination", ADD, &wrong);
    room.refused(400, "InvalidParameterCombination", ADD, &[CLUSTER, ("Tags.member.1.Key", "a")]);
}

#[test]
fn a_resource_has_at_most_fifty_tags() {
    let mut room = Room::new();
    let tags: BTreeMap<_, _> = (0..50).map(|number| (format!("t{number}"), String::new())).collect();
    room.world.rds.seed_cluster(SeedCluster { tags, ..seed("prod") });
    room.ok_as(STRANGER, ADD, &[CLUSTER, ("Tags.Tag.1.Key", "t0")]);
    room.refused(400, "InvalidParameterValue", ADD, &[CLUSTER, ("Tags.Tag.1.Key", "more")]);
    assert_eq!(room.world.rds.cluster("prod").unwrap().tags.len(), 50);
}

#[test]
fn the_resource_must_be_there() {
    let mut room = Room::with_prod();
    let tag = ("Tags.Tag.1.Key", "a");
    let key = ("TagKeys.member.1", "a");
    for (status, code, name) in [
        (404, "DBClusterNotFoundFault", "arn:aws:rds:eu-west-1:123456789012:cluster:nothing"),
        (404, "DBClusterNotFoundFault", "arn:aws:rds:us-east-1:123456789012:cluster:prod"),
        (404, "DBInstanceNotFound", "arn:aws:rds:eu-west-1:123456789012:db:nothing"),
        (400, "InvalidParameterValue", "prod"),
        (400, "InvalidParameterCombination", "arn:aws:rds:eu-west-1:123456789012:snapshot:x"),
    ] {
        let name = ("ResourceName", name);
        room.refused(status, code, ADD, &[name, tag]);
        room.refused(status, code, REMOVE, &[name, key]);
        room.refused(status, code, LIST, &[name]);
    }
    room.refused(400, "MissingParameter", ADD, &[CLUSTER]);
    room.refused(400, "MissingParameter", REMOVE, &[CLUSTER]);
    room.refused(400, "MissingParameter", LIST, &[]);
    room.refused(400, "InvalidParameterCombination", LIST, &[CLUSTER, ("Filters.Filter.1.Name", "x")]);
}
