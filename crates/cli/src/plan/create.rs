//! `plan create`: what a Create would decide now, for every source of the family, and what the clone would be like.

use aurora_clone_aws::{commands, observe, requests, rules};
use aurora_clone_core::create::{self, Time};
use aurora_clone_core::desired::{Desired, Keeping};
use aurora_clone_core::duration::{for_people, format_time};
use aurora_clone_core::event::RequestType;
use aurora_clone_core::guard;
use aurora_clone_core::plan::{Action, Next, Plan, Restore};
use aurora_clone_core::properties::service_timeout;
use aurora_clone_core::record::Baseline;
use aurora_clone_core::request::Wanted;
use aurora_clone_core::slots::{Reason, Verdict};
use aurora_clone_core::snapshot::{Cluster, Instance};
use aurora_clone_core::tags::RestoreType;
use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use serde_json::Value;

use super::columns::table;
use super::{ask, say};
use crate::clone::{Create, parse, progress, target};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::session::Session;
use crate::surroundings::Surroundings;

/// What the handler keeps of the time for the answer and for taking down what failed.
const RESERVE: Duration = Duration::seconds(180);

/// What a Create would come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A source is cloned.
    Clone,
    /// A full copy is made.
    FullCopy,
    /// It waits.
    Wait,
    /// It fails.
    Fail,
}

/// One source of the family.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceLine {
    source: String,
    kind: &'static str,
    used: u32,
    free: u32,
    data_time: Option<String>,
    data_age: Option<i64>,
    taken: bool,
    reason: String,
}

/// The whole plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Foreseen {
    outcome: Outcome,
    reason: String,
    cluster_id: String,
    sources: Vec<SourceLine>,
    #[serde(serialize_with = "as_map")]
    clone: Vec<(String, String)>,
    tags: std::collections::BTreeMap<String, String>,
    calls: Vec<String>,
    /// From and to.
    usual_seconds: Option<(u64, u64)>,
}

/// Pairs in their order, as scripts read them.
fn as_map<S: serde::Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// Shows what `create` would do.
pub async fn run(create: &Create, around: &mut Surroundings) -> Result<(), Failure> {
    let session = ask(&create.aws, around).await?;
    let (name, properties) = create.wanted(&session)?;
    let request = target::request(&session, RequestType::Create, &name, properties);
    let clusters = target::clusters(&session).await?;
    let fence = requests::fence(&session.cloud, &request).await?;
    let parsed = parse(&request.properties, &session)?;
    let mut wanted = Wanted::created(&request, fence, session.place.clone(), parsed, &session.settings);
    let kept = commands::kept(&session.cloud, &request).await?;
    let taken = clusters.iter().find(|cluster| cluster.identifier == wanted.identifier);
    let mut refusal = None;
    if let Some(taken) = taken {
        if target::is_of(taken, &request) && kept.is_some_and(|kept| kept.open.is_some()) {
            refusal = Some(format!(
                "The clone {name} is being made: `aurora-clone create` with the same properties goes on."
            ));
        } else if target::is_of(taken, &request) {
            refusal =
                Some(format!("The clone {name} was made already: `aurora-clone update {name}` changes it."));
        } else if wanted.properties.no_fail_on_existing {
            wanted = wanted.renamed();
        } else {
            let why = guard::prove(taken, &wanted.owner, &session.settings.name_prefix).err();
            let why = why.map_or_else(|| "it is of an earlier attempt".to_owned(), |why| why.to_string());
            refusal = Some(format!(
                "The name {} is taken: {why}. Choose another name, or set NoFailOnExistingCluster.",
                wanted.identifier
            ));
        }
    }
    let deadline = session.cloud.now() + service_timeout(&request.properties) - RESERVE;
    let mut foreseen =
        foresee(&session, &wanted, &clusters, Time { now: session.cloud.now(), deadline }).await?;
    if let Some(refusal) = refusal {
        foreseen.outcome = Outcome::Fail;
        foreseen.reason = refusal;
        foreseen.sources.clear();
        foreseen.clone.clear();
        foreseen.tags.clear();
        foreseen.calls.clear();
        foreseen.usual_seconds = None;
    }
    say(&foreseen, create.json, around, show)?;
    match foreseen.outcome {
        Outcome::Fail => Err(Failure::Said),
        Outcome::Clone | Outcome::FullCopy | Outcome::Wait => Ok(()),
    }
}

/// What making `wanted` would come to, as it would be chosen under the root's lease.
pub async fn foresee(
    session: &Session,
    wanted: &Wanted,
    clusters: &[Cluster],
    time: Time,
) -> Result<Foreseen, Failure> {
    let find = |identifier: &str| clusters.iter().find(|cluster| cluster.identifier == identifier);
    let root =
        find(&wanted.properties.source).map_or(wanted.properties.source.as_str(), create::root_identifier);
    let of_root: Vec<&Cluster> = find(root).into_iter().collect();
    let instances = match of_root.is_empty() {
        true => Vec::new(),
        false => observe::instances(&session.cloud, &of_root).await?,
    };
    let rules = rules::load(&session.cloud, root).await?;
    // What is called so now is another's, or is replaced: the choice would wait for the look that shows it.
    let others: Vec<Cluster> =
        clusters.iter().filter(|cluster| cluster.identifier != wanted.identifier).cloned().collect();
    let choice = create::choose(wanted, &others, &instances, &session.settings, &rules, time);
    Ok(foreseen(session, wanted, find(root), &instances, &choice.plan, time.now))
}

fn foreseen(
    session: &Session,
    wanted: &Wanted,
    root: Option<&Cluster>,
    instances: &[Instance],
    plan: &Plan,
    now: DateTime<Utc>,
) -> Foreseen {
    let restore = plan.actions.iter().find_map(|action| match action {
        Action::Restore(restore) => Some(restore.as_ref()),
        _ => None,
    });
    let (outcome, reason) = match (&plan.next, restore) {
        (Next::Decide(decision), _) => (Outcome::Fail, decision.reason.clone()),
        (Next::Wait { because, .. }, None) => (Outcome::Wait, because.clone()),
        (Next::Wait { because, .. }, Some(restore)) => match restore.restore_type {
            RestoreType::CopyOnWrite => {
                (Outcome::Clone, format!("{} is cloned into {}", restore.source, restore.identifier))
            }
            RestoreType::FullCopy => (Outcome::FullCopy, because.clone()),
        },
    };
    let desired = root.map(|root| {
        let keeping = Keeping::of_new(
            &wanted.properties.password,
            &wanted.identifier,
            &wanted.generation,
            &session.settings,
        );
        Desired::new(
            &wanted.properties,
            &Baseline::of(root, instances),
            root,
            keeping,
            now,
            &session.settings,
        )
    });
    let usual = progress::usual(RequestType::Create);
    let usual_seconds = match outcome {
        Outcome::Clone => Some(usual),
        Outcome::FullCopy => {
            let copy = session.settings.full_copy_time.num_seconds().unsigned_abs();
            Some((usual.0, copy + usual.1))
        }
        Outcome::Wait | Outcome::Fail => None,
    };
    Foreseen {
        outcome,
        reason,
        cluster_id: wanted.identifier.clone(),
        sources: plan.verdicts.iter().map(|verdict| line(verdict, restore, now)).collect(),
        clone: desired.as_ref().map(|desired| rows(desired, session)).unwrap_or_default(),
        tags: restore.map(|restore| restore.tags.clone()).unwrap_or_default().into_iter().collect(),
        calls: match (&desired, restore) {
            (Some(desired), Some(restore)) => calls(desired, restore, plan),
            _ => Vec::new(),
        },
        usual_seconds,
    }
}

fn line(verdict: &Verdict, restore: Option<&Restore>, now: DateTime<Utc>) -> SourceLine {
    let taken = restore.is_some_and(|restore| restore.source == verdict.source);
    let copied = restore.is_some_and(|restore| restore.restore_type == RestoreType::FullCopy);
    let reason = match (&verdict.reason, taken) {
        (Reason::Usable, true) => "is cloned".to_owned(),
        (Reason::Usable, false) => "could be cloned, and another one is preferred".to_owned(),
        (other, true) if copied => format!("{other}; is copied in full"),
        (other, _) => other.to_string(),
    };
    SourceLine {
        source: verdict.source.clone(),
        kind: if verdict.is_root { "root" } else { "copy" },
        used: verdict.used,
        free: verdict.free,
        data_time: verdict.data_time.map(format_time),
        data_age: verdict.data_time.map(|time| (now - time).num_seconds()),
        taken,
        reason,
    }
}

/// What the clone would be like, as people read it.
fn rows(desired: &Desired, session: &Session) -> Vec<(String, String)> {
    let cluster = &desired.cluster;
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "the account's default".to_owned());
    let mut rows: Vec<(&str, String)> = vec![
        ("InstanceClass", desired.instance.class.clone()),
        ("InstanceCount", desired.count.to_string()),
        ("DBSubnetGroupName", text(&cluster.subnet_group)),
        ("VpcSecurityGroupIds", cluster.security_groups.join(", ")),
        ("DBClusterParameterGroupName", text(&cluster.parameter_group)),
        ("DBParameterGroupName", text(&desired.instance.parameter_group)),
    ];
    if let Some(capacity) = &cluster.capacity {
        rows.push(("ServerlessV2ScalingConfiguration", format!("{} to {} ACUs", capacity.min, capacity.max)));
    }
    match &desired.password {
        Keeping::Own { secret, key, principals } => {
            // Its end follows from the request, which is not made yet.
            let known = secret.rsplit_once('/').map_or(secret.as_str(), |(known, _)| known);
            rows.push(("Password", format!("a new one, in the secret {known}/…")));
            let key = match key.as_tag() {
                "aws" => "aws/secretsmanager".to_owned(),
                "made" => "one that is made for it".to_owned(),
                key => key.to_owned(),
            };
            rows.push(("KmsKeyId", key));
            if !principals.is_empty() {
                rows.push(("AccessPrincipalArns", principals.join(", ")));
            }
        }
        Keeping::Managed(key) => {
            rows.push(("Password", "a new one, which RDS keeps".to_owned()));
            rows.push(("KmsKeyId", key.clone().unwrap_or_else(|| "aws/secretsmanager".to_owned())));
        }
        Keeping::Source => rows.push(("Password", "its source's".to_owned())),
    }
    let end = desired.tags.get(aurora_clone_core::names::tag::EXPIRES);
    let none = match session.settings.max_lease {
        Some(_) => "never",
        None => "never: it has no lease",
    };
    rows.push(("Ends", end.cloned().unwrap_or_else(|| none.to_owned())));
    rows.push(("DeletionProtection", if cluster.deletion_protection { "on" } else { "off" }.to_owned()));
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The calls that change something, in their order.
fn calls(desired: &Desired, restore: &Restore, plan: &Plan) -> Vec<String> {
    let id = &restore.identifier;
    let (kind, source) = (restore.restore_type.as_str(), &restore.source);
    let mut calls = vec![format!("rds:RestoreDBClusterToPointInTime of {source} as {kind} into {id}")];
    let marked = plan.actions.iter().filter_map(|action| match action {
        Action::MarkRetiring { copy, .. } => Some(copy.identifier()),
        _ => None,
    });
    calls.extend(marked.map(|copy| format!("rds:AddTagsToResource on {copy}: it is too old, and is marked")));
    calls.push(match desired.count {
        1 => format!("rds:CreateDBInstance {} in {id}", desired.instance.class),
        count => format!("rds:CreateDBInstance {} in {id}, {count} times", desired.instance.class),
    });
    calls.extend(desired.cluster.roles.iter().map(|role| format!("rds:AddRoleToDBCluster {}", role.role)));
    match &desired.password {
        Keeping::Own { key, principals, .. } => {
            if key.alias().is_some() {
                calls.push("kms:CreateKey and kms:CreateAlias".to_owned());
            }
            calls.push("secretsmanager:CreateSecret with a random password".to_owned());
            if !principals.is_empty() {
                calls.push("secretsmanager:PutResourcePolicy for AccessPrincipalArns".to_owned());
            }
            calls.push(format!("rds:ModifyDBCluster {id}: the master password of that secret"));
        }
        Keeping::Managed(_) => {
            calls.push(format!("rds:ModifyDBCluster {id}: RDS manages the master password"))
        }
        Keeping::Source => {}
    }
    if desired.cluster.deletion_protection {
        calls.push(format!("rds:ModifyDBCluster {id}: deletion protection, last"));
    }
    calls
}

/// How long it usually takes.
pub fn duration(usual: (u64, u64)) -> String {
    let minutes = |seconds: u64| for_people(Duration::seconds(i64::try_from(seconds).unwrap_or_default()));
    format!("{} to {}", minutes(usual.0 / 60 * 60), minutes(usual.1.div_ceil(60) * 60))
}

/// As people read it.
pub fn show(foreseen: &Foreseen, printer: &mut Printer) -> std::io::Result<()> {
    let word = match foreseen.outcome {
        Outcome::Clone => printer.green("clone"),
        Outcome::FullCopy => printer.yellow("full copy"),
        Outcome::Wait => printer.yellow("wait"),
        Outcome::Fail => printer.red("fail"),
    };
    printer.line(&format!("Outcome: {word}. {}", foreseen.reason))?;
    if !foreseen.sources.is_empty() {
        printer.line("")?;
        let rows: Vec<Vec<String>> = foreseen.sources.iter().map(row).collect();
        for line in table(printer, &["SOURCE", "KIND", "SLOTS", "DATA AGE", "DECISION"], &rows) {
            printer.line(&line)?;
        }
    }
    if matches!(foreseen.outcome, Outcome::Clone | Outcome::FullCopy) {
        printer.line("")?;
        let rows: Vec<Vec<String>> =
            foreseen.clone.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
        let title = format!("OF {}", foreseen.cluster_id);
        for line in table(printer, &["PROPERTY", &title], &rows) {
            printer.line(&line)?;
        }
        let tags: Vec<String> = foreseen
            .tags
            .iter()
            .filter(|(key, _)| !key.starts_with("aurora-clone:"))
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let ours = foreseen.tags.len() - tags.len();
        let given = if tags.is_empty() { String::new() } else { format!("{}, and ", tags.join(", ")) };
        printer.line(&format!("Tags: {given}{ours} that say what it is and whose"))?;
    }
    if !foreseen.calls.is_empty() {
        printer.line("")?;
        printer.line("Calls that change something:")?;
        for (number, call) in (1..).zip(&foreseen.calls) {
            printer.line(&format!("  {number}. {call}"))?;
        }
    }
    if let Some(usual) = foreseen.usual_seconds {
        printer.line(&format!("Usually usable after {}.", duration(usual)))?;
    }
    Ok(())
}

fn row(line: &SourceLine) -> Vec<String> {
    let age = line.data_age.filter(|_| line.kind != "root");
    vec![
        line.source.clone(),
        line.kind.to_owned(),
        format!("{} used, {} free", line.used, line.free),
        age.map_or_else(|| "-".to_owned(), |age| for_people(Duration::seconds(age))),
        line.reason.clone(),
    ]
}

/// The properties of a request, by name.
pub fn given(properties: &Value, name: &str) -> String {
    match properties.get(name) {
        None => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

impl Foreseen {
    /// What it would come to.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// How many seconds it usually takes, from and to.
    pub fn usual(&self) -> Option<(u64, u64)> {
        self.usual_seconds
    }
}
