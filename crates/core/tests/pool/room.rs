//! Pools to plan for: a root called `prod`, and whatever a test puts beside it.

use aurora_clone_core::arn::Place;
use aurora_clone_core::guard;
use aurora_clone_core::limits::Patterns;
use aurora_clone_core::names::{env, tag};
use aurora_clone_core::pool::action::{Action, Step};
use aurora_clone_core::pool::check::check;
use aurora_clone_core::pool::config::{CopyMethod, Prices, SourceConfig};
use aurora_clone_core::pool::plan::{self, Memory, Plan, Policy, Seen, View};
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{
    Cluster, ClusterSettings, ClusterSnapshot, Instance, InstanceSettings, Status,
};
use aurora_clone_core::tags::Tags;
use chrono::{DateTime, Duration, Utc};

pub const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1";

pub fn now() -> DateTime<Utc> {
    "2026-06-21T02:00:00Z".parse().unwrap()
}

pub fn text(time: DateTime<Utc>) -> String {
    aurora_clone_core::duration::format_time(time)
}

pub fn hours(hours: i64) -> Duration {
    Duration::hours(hours)
}

pub fn settings(limit: u32, margin: u32) -> Settings {
    Settings::read(|name| match name {
        env::MANAGER => Some("manager".to_owned()),
        env::MAX_CLONES_PER_SOURCE => Some(limit.to_string()),
        env::SLOT_MARGIN => Some(margin.to_string()),
        _ => None,
    })
    .unwrap()
}

/// What is wanted where a test does not say: nothing beside the root, in which 14 slots are free.
pub fn config() -> SourceConfig {
    SourceConfig {
        source: "prod".to_owned(),
        target: 0,
        dry_run: false,
        max_copy_age: Duration::days(3),
        replace_after: None,
        limit: 15,
        margin: 1,
        purge: true,
        purge_with_clones: false,
        instance_class: None,
        copy_method: CopyMethod::PointInTime,
        security_groups: None,
        max_copies: 10,
        budget: None,
        prices: Prices::default(),
        copy_timeout: Duration::hours(12),
        quota: None,
        window: None,
        protect: Patterns::default(),
        max_lifetime: None,
    }
}

/// An available cluster with one instance, in the root's clone group, without tags, made four days ago.
pub fn cluster(id: &str) -> Cluster {
    let some = |text: &str| Some(text.to_owned());
    Cluster {
        identifier: id.to_owned(),
        arn: Place::of_stack(STACK).unwrap().cluster_arn(id),
        resource_id: format!("cluster-{}", id.to_uppercase()),
        status: Status("available".to_owned()),
        engine: "aurora-postgresql".to_owned(),
        engine_version: "16.4".to_owned(),
        clone_group: some("g"),
        members: vec![format!("{id}-1")],
        writer: Some(format!("{id}-1")),
        tags: Tags::new(),
        created_at: Some(now() - Duration::days(400)),
        pending_changes: false,
        endpoint: None,
        reader_endpoint: None,
        master_username: some("postgres"),
        database_name: None,
        managed_secret: None,
        settings: ClusterSettings {
            subnet_group: some("data"),
            security_groups: vec!["sg-1".to_owned()],
            parameter_group: some("prod-cluster"),
            port: Some(5432),
            storage_type: some("aurora-iopt1"),
            iam_authentication: true,
            backup_retention: Some(14),
            deletion_protection: id == "prod",
            ..ClusterSettings::default()
        },
    }
}

pub fn instance(id: &str, cluster: &str) -> Instance {
    Instance {
        identifier: id.to_owned(),
        cluster: Some(cluster.to_owned()),
        status: Status("available".to_owned()),
        writer: id.ends_with("-1"),
        pending_changes: false,
        arn: format!("arn:aws:rds:eu-west-1:123456789012:db:{id}"),
        tags: Tags::new(),
        settings: InstanceSettings { class: "db.serverless".to_owned(), ..InstanceSettings::default() },
    }
}

pub fn lineage(id: &str, source: &str, role: &str, kind: &str) -> Tags {
    let tags = [
        (tag::MANAGER, "manager"),
        (tag::ROLE, role),
        (tag::CLUSTER, id),
        (tag::ROOT, "prod"),
        (tag::SOURCE, source),
        (tag::RESTORE_TYPE, kind),
    ];
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// The name of the nth copy.
pub fn name(n: u32) -> String {
    aurora_clone_core::identifier::copy("clone-", "prod", "manager", n)
}

/// What a plan is made of.
#[derive(Debug, Clone)]
pub struct Room {
    pub now: DateTime<Utc>,
    pub config: SourceConfig,
    pub settings: Settings,
    pub protect: Patterns,
    pub max_deletions: Option<u32>,
    pub memory: Memory,
    pub seen: Seen,
    pub clusters: Vec<Cluster>,
    pub instances: Vec<Instance>,
    pub snapshots: Vec<ClusterSnapshot>,
}

impl Room {
    /// The root alone, and so many free slots wanted.
    pub fn new(target: u32) -> Self {
        Self {
            now: now(),
            config: SourceConfig { target, ..config() },
            settings: settings(15, 1),
            protect: Patterns::default(),
            max_deletions: None,
            memory: Memory::default(),
            seen: Seen::default(),
            clusters: vec![cluster("prod")],
            instances: vec![instance("prod-1", "prod")],
            snapshots: Vec::new(),
        }
    }

    /// Adds the nth copy, whose data is so many hours old, and which was noted to be ready.
    pub fn copy(mut self, n: u32, age: i64) -> Self {
        let (id, at) = (name(n), self.now - hours(age));
        let mut copy = Cluster { created_at: Some(at), ..cluster(&id) };
        copy.tags = lineage(&id, "prod", "copy", "full-copy");
        copy.tags.insert(tag::DATA_TIME.to_owned(), text(at));
        copy.tags.insert(tag::READY.to_owned(), text(at + hours(3)));
        self.instances.push(instance(&format!("{id}-1"), &id));
        self.clusters.push(copy);
        self
    }

    /// Adds so many clones of ours.
    pub fn clones(mut self, of: &str, many: usize) -> Self {
        for _ in 0..many {
            let id = format!("clone-{}", self.clusters.len());
            let mut clone = cluster(&id);
            clone.tags = lineage(&id, of, "clone", "copy-on-write");
            clone.tags.insert(tag::STACK_ID.to_owned(), STACK.to_owned());
            self.clusters.push(clone);
        }
        self
    }

    pub fn get(&mut self, id: &str) -> &mut Cluster {
        self.clusters.iter_mut().find(|cluster| cluster.identifier == id).unwrap()
    }

    pub fn edit(mut self, id: &str, edit: impl FnOnce(&mut Cluster)) -> Self {
        edit(self.get(id));
        self
    }

    pub fn status(self, id: &str, status: &str) -> Self {
        self.edit(id, |cluster| cluster.status = Status(status.to_owned()))
    }

    pub fn tag(self, id: &str, key: &str, value: &str) -> Self {
        self.edit(id, |cluster| drop(cluster.tags.insert(key.to_owned(), value.to_owned())))
    }

    pub fn untag(self, id: &str, key: &str) -> Self {
        self.edit(id, |cluster| drop(cluster.tags.remove(key)))
    }

    /// Marks a copy as of so many minutes ago.
    pub fn marked(self, n: u32, minutes: i64) -> Self {
        let at = text(self.now - Duration::minutes(minutes));
        self.tag(&name(n), tag::RETIRING, &at)
    }

    /// Gives the one instance of a cluster another status; an empty one takes the instance away.
    pub fn instance(mut self, id: &str, status: &str) -> Self {
        if status.is_empty() {
            self.instances.retain(|i| i.cluster.as_deref() != Some(id));
            self.get(id).members.clear();
        }
        let of = self.instances.iter_mut().filter(|i| i.cluster.as_deref() == Some(id));
        of.for_each(|instance| instance.status = Status(status.to_owned()));
        self
    }

    /// A copy that is being made since so many hours.
    pub fn creating(self, n: u32, age: i64) -> Self {
        self.copy(n, age).status(&name(n), "creating").instance(&name(n), "").untag(&name(n), tag::READY)
    }

    pub fn configured(mut self, edit: impl FnOnce(&mut SourceConfig)) -> Self {
        edit(&mut self.config);
        self
    }

    /// Adds the snapshot for the nth copy, taken so many hours ago.
    pub fn snapshot(mut self, n: u32, status: &str, age: i64) -> Self {
        let at = self.now - hours(age);
        let mut tags = lineage(&name(n), "prod", "copy", "full-copy");
        tags.insert(tag::DATA_TIME.to_owned(), text(at));
        let identifier = guard::snapshot_for(&name(n));
        self.snapshots.push(ClusterSnapshot {
            arn: format!("arn:aws:rds:eu-west-1:123456789012:cluster-snapshot:{identifier}"),
            identifier,
            cluster: Some("prod".to_owned()),
            status: Status(status.to_owned()),
            created_at: Some(at),
            tags,
        });
        self
    }

    pub fn view(&self) -> View<'_> {
        View { clusters: &self.clusters, instances: &self.instances, snapshots: &self.snapshots }
    }

    pub fn policy(&self) -> Policy<'_> {
        Policy { source: &self.config, protect: &self.protect, max_deletions: self.max_deletions }
    }

    /// The plan, which the checker has to like.
    pub fn try_plan(&self) -> Result<Plan, String> {
        let (policy, view) = (self.policy(), self.view());
        let plan = plan::plan(&policy, view, &self.memory, &self.seen, &self.settings, self.now)?;
        assert_eq!(check(&plan, &policy, view, &self.settings, self.now), Ok(()), "{plan:#?}");
        Ok(plan)
    }

    pub fn plan(&self) -> Plan {
        self.try_plan().unwrap()
    }

    /// The plan's steps in short: `copy 1`, `mark 2`, `delete-instance 3`.
    pub fn steps(&self) -> Vec<String> {
        short(&self.plan().steps)
    }

    /// What the report says was decided about a cluster.
    pub fn decision(&self, id: &str) -> String {
        let report = self.plan().report;
        let line = report.lines.iter().find(|line| line.cluster == id);
        line.map(|line| line.decision.clone()).unwrap_or_default()
    }
}

/// Steps as a test writes them; a copy is its number.
pub fn short(steps: &[Step]) -> Vec<String> {
    let number = |id: &str| {
        (1..40)
            .find(|n| name(*n) == id || guard::snapshot_for(&name(*n)) == id)
            .map_or(id.to_owned(), |n| n.to_string())
    };
    let one = |step: &Step| match &step.action {
        Action::Copy(restore) => format!("copy {}", number(&restore.identifier)),
        Action::TakeSnapshot(new) => format!("snapshot {}", number(&new.identifier)),
        Action::CopyFromSnapshot(new) => format!("restore {}", number(&new.restore.identifier)),
        Action::DeleteSnapshot(snapshot) => format!("delete-snapshot {}", number(snapshot.identifier())),
        Action::AddInstance(new) => format!("instance {}", number(new.copy.identifier())),
        Action::NoteReady { copy, .. } => format!("ready {}", number(copy.identifier())),
        Action::Mark { copy, .. } => format!("mark {}", number(copy.identifier())),
        Action::DeleteInstance { copy, .. } => format!("delete-instance {}", number(copy.identifier())),
        Action::DeleteCopy { copy } => format!("delete {}", number(copy.identifier())),
    };
    steps.iter().map(one).collect()
}
