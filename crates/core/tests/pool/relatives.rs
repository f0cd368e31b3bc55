//! Which clusters are left out of plans, and which are not although they are nobody's copy or clone.

use aurora_clone_core::names::tag;
use aurora_clone_core::relatives::relatives;
use aurora_clone_core::snapshot::Cluster;

use crate::room::{cluster, lineage, settings};

fn with(id: &str, tags: &[(&str, &str)]) -> Cluster {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Cluster { tags, clone_group: None, ..cluster(id) }
}

fn of_group(id: &str, group: &str) -> Cluster {
    Cluster { clone_group: Some(group.to_owned()), ..with(id, &[("team", "web")]) }
}

/// Another manager's, by its own tags.
fn others(id: &str, of: &str) -> Cluster {
    let mut cluster = with(id, &[]);
    cluster.tags = lineage(id, of, "clone", "copy-on-write");
    cluster.tags.insert(tag::MANAGER.to_owned(), "another".to_owned());
    cluster.tags.insert(tag::ROOT.to_owned(), of.to_owned());
    cluster
}

fn kept(clusters: Vec<Cluster>) -> Vec<String> {
    let kept = relatives(clusters, &["prod"], &settings(15, 1));
    kept.into_iter().map(|cluster| cluster.identifier).collect()
}

#[test]
fn what_has_nothing_to_do_with_us_is_left_out() {
    let clusters = vec![
        of_group("prod", "ours"),
        with("plain", &[("team", "web")]),
        of_group("cloned", "theirs"),
        others("other", "cloned"),
    ];
    assert_eq!(kept(clusters), ["prod"]);
}

#[test]
fn what_may_matter_is_kept_however_far_away_it_is() {
    let by_source = with("by-source", &[(tag::SOURCE, "nobody-knows-it"), (tag::MANAGER, "manager")]);
    let carries =
        with("theirs", &[(tag::CLUSTER, "theirs"), (tag::STACK_ID, "stack"), (tag::MANAGER, "another")]);
    let clusters = vec![
        of_group("prod", "ours"),
        of_group("by-group", "ours"),
        // Another manager's clone of a clone of our root, and a clone by hand of that.
        Cluster { clone_group: Some("further".to_owned()), ..others("by-root", "by-group") },
        of_group("by-further-group", "further"),
        by_source,
        with("nobody-knows-it", &[]),
        // An orphan of that stack may be this one, renamed.
        carries,
        // A name that may be given next.
        with("clone-by-hand", &[]),
    ];
    let all: Vec<String> = clusters.iter().map(|cluster| cluster.identifier.clone()).collect();
    assert_eq!(kept(clusters), all);
}
