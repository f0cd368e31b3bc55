//! What is said of each cluster that is shown.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::choose::{Chosen, apart};
use super::model::{
    Condition, Family, Instance, Lease, Member, MemberKind, Overview, Owner, Pool, Slots, Source, SourceKind,
    Totals,
};
use crate::arn::{self, Place};
use crate::duration::{format_time, parse_time};
use crate::family;
use crate::names::tag;
use crate::pool::config::{Maintenance, SourceConfig};
use crate::pool::standing::{self, State};
use crate::prices::{CURRENCY, PriceList, Volume};
use crate::rules::Rules;
use crate::settings::Settings;
use crate::slots::{self, Freshness, Reason, Verdict};
use crate::snapshot::{self, Cluster, Phase};
use crate::tags::{self, RestoreType, Role};

/// What is known beside the clusters themselves.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The instances of the clusters that were chosen.
    pub instances: &'a [snapshot::Instance],
    /// The operator's settings.
    pub settings: &'a Settings,
    /// The maintenance configuration, if there is one that can be read.
    pub maintenance: Option<&'a Maintenance>,
    /// The rules that Creates obey, by root.
    pub rules: &'a BTreeMap<String, Rules>,
    /// What things cost.
    pub prices: &'a PriceList,
    /// Measured sizes of volumes in GiB, by cluster. Without one the configuration's `volume-gib` counts.
    pub volume_gib: &'a BTreeMap<String, f64>,
    /// Where all of this is.
    pub place: &'a Place,
    /// When it is so.
    pub now: DateTime<Utc>,
}

impl Chosen<'_> {
    /// Puts the overview together.
    pub fn describe(&self, view: &View<'_>) -> Overview {
        let mut instances: HashMap<&str, Vec<&snapshot::Instance>> = HashMap::new();
        for instance in view.instances {
            if let Some(cluster) = &instance.cluster {
                instances.entry(cluster).or_default().push(instance);
            }
        }
        for of_cluster in instances.values_mut() {
            of_cluster.sort_by_key(|instance| (!instance.writer, &instance.identifier));
        }
        let describer = Describer { view, named: self.named, instances };
        let families: Vec<Family> = self.families.iter().map(|family| describer.family(family)).collect();
        let lone = |cluster: &&Cluster| describer.lone(cluster);
        let without_root: Vec<Member> = self.without_root.iter().map(lone).collect();
        let elsewhere: Vec<Member> = self.elsewhere.iter().map(lone).collect();
        let mut totals = Totals::default();
        let mut seen = HashSet::new();
        for family in &families {
            totals.add_family(family, &mut seen);
        }
        for member in without_root.iter().chain(&elsewhere) {
            totals.add_member(member, &mut seen);
        }
        Overview {
            manager: view.settings.manager.clone(),
            region: view.place.region.clone(),
            account: view.place.account.clone(),
            at: view.now,
            currency: CURRENCY,
            families,
            without_root,
            elsewhere,
            missing_sources: self.missing_sources.clone(),
            totals,
        }
    }
}

impl Totals {
    fn add_family<'f>(&mut self, family: &'f Family, seen: &mut HashSet<&'f str>) {
        for source in &family.sources {
            if seen.insert(&source.identifier) {
                self.clusters += 1;
                match source.kind {
                    SourceKind::Root => self.roots += 1,
                    SourceKind::Copy => self.copies += 1,
                }
                self.monthly_cost += source.monthly_cost;
            }
            let Slots { used, free, usable, limit } = source.slots;
            self.slots.used += used;
            self.slots.free += free;
            self.slots.usable += usable;
            self.slots.limit += limit;
        }
        for member in family.sources.iter().flat_map(|source| &source.members).chain(&family.apart) {
            self.add_member(member, seen);
        }
    }

    fn add_member<'f>(&mut self, member: &'f Member, seen: &mut HashSet<&'f str>) {
        if !seen.insert(&member.identifier) {
            return;
        }
        self.clusters += 1;
        match member.kind {
            MemberKind::Clone | MemberKind::FullCopy => self.clones += 1,
            MemberKind::Copy => self.copies += 1,
            MemberKind::Stranger => self.strangers += 1,
        }
        self.expired += u32::from(member.lease.as_ref().is_some_and(Lease::is_over));
        self.monthly_cost += member.monthly_cost;
    }
}

/// What is known of a family while it is described.
struct Kin<'k> {
    root: &'k str,
    config: Option<&'k SourceConfig>,
}

struct Describer<'d, 'a> {
    view: &'d View<'a>,
    named: Option<&'d str>,
    instances: HashMap<&'d str, Vec<&'d snapshot::Instance>>,
}

impl Describer<'_, '_> {
    fn family(&self, family: &family::Family<'_>) -> Family {
        let root = family.root();
        let view = self.view;
        let config =
            view.maintenance.and_then(|all| all.sources.iter().find(|one| one.source == root.identifier));
        let kin = Kin { root: &root.identifier, config };
        let settings = view.rules.get(&root.identifier).map(|rules| rules.apply(view.settings));
        let settings = settings.as_ref().unwrap_or(view.settings);
        let fresh = Freshness { created_since: None, max_age: Some(settings.max_copy_age) };
        let verdicts = slots::judge(family, &fresh, settings, view.now);
        let mut states: HashMap<&str, State> = HashMap::new();
        if let Some(config) = config {
            let standings = standing::look(family, view.instances, config, settings, view.now);
            states = standings.into_iter().map(|one| (one.cluster.identifier.as_str(), one.state)).collect();
        }
        let by_identifier: HashMap<&str, &Cluster> =
            family.sources().map(|source| (source.identifier.as_str(), source)).collect();
        let mut hosted: HashMap<&str, Vec<Member>> = HashMap::new();
        for (clone, host) in family.clones() {
            let member = self.member(clone, Some(&host.identifier), Some(&kin));
            hosted.entry(host.identifier.as_str()).or_default().push(member);
        }
        let limit = settings.limit.saturating_sub(settings.margin);
        let sources = verdicts.iter().filter_map(|verdict| {
            let cluster = by_identifier.get(verdict.source.as_str())?;
            let members = hosted.remove(verdict.source.as_str()).unwrap_or_default();
            Some(self.source(cluster, verdict, states.get(verdict.source.as_str()), limit, &kin, members))
        });
        let sources: Vec<Source> = sources.collect();
        let apart = apart(family).into_iter().map(|cluster| self.member(cluster, None, Some(&kin))).collect();
        let mut described = Family {
            root: root.identifier.clone(),
            engine: format!("{} {}", root.engine, root.engine_version),
            pool: config.map(|config| Pool {
                target: config.target,
                max_copies: config.max_copies,
                dry_run: config.dry_run || view.maintenance.is_some_and(|all| all.dry_run),
            }),
            sources,
            apart,
            totals: Totals::default(),
        };
        let mut totals = Totals::default();
        totals.add_family(&described, &mut HashSet::new());
        described.totals = totals;
        described
    }

    fn source(
        &self,
        cluster: &Cluster,
        verdict: &Verdict,
        state: Option<&State>,
        limit: u32,
        kin: &Kin<'_>,
        members: Vec<Member>,
    ) -> Source {
        let (condition, reason) = condition(cluster, &verdict.reason, state);
        let usable = if verdict.reason == Reason::Usable { verdict.free } else { 0 };
        let instances = self.instances_of(cluster);
        let kind = if verdict.is_root { SourceKind::Root } else { SourceKind::Copy };
        let volume = Volume::Own(self.size(cluster, kin));
        let prices = kin.config.map(|config| &config.prices);
        Source {
            identifier: cluster.identifier.clone(),
            kind,
            status: cluster.status.to_string(),
            slots: Slots { used: verdict.used, free: verdict.free, usable, limit },
            condition,
            reason,
            data_time: verdict.data_time,
            data_age: verdict.data_time.map(|time| self.age(time)),
            created_at: cluster.created_at,
            manager: cluster
                .own_lineage()
                .filter(|_| !verdict.is_root)
                .map(|lineage| lineage.manager.to_owned()),
            retiring: cluster.tag(tag::RETIRING).map(str::to_owned),
            // A root is production: nobody takes it away anyway.
            kept: if verdict.is_root { None } else { self.kept(cluster, kin.config) },
            monthly_cost: self.view.prices.of(cluster, instances, volume, prices, !verdict.is_root),
            instances: instances.iter().copied().map(Instance::of).collect(),
            members,
            named: self.named == Some(&cluster.identifier),
        }
    }

    /// A cluster of no family that is shown.
    fn lone(&self, cluster: &Cluster) -> Member {
        self.member(cluster, None, None)
    }

    fn member(&self, cluster: &Cluster, host: Option<&str>, kin: Option<&Kin<'_>>) -> Member {
        let told = tags::lineage(&cluster.tags);
        let own = cluster.own_lineage();
        let ours = own.as_ref().filter(|own| own.manager == self.view.settings.manager);
        let kind = match ours.map(|own| (own.role, own.restore_type)) {
            None => MemberKind::Stranger,
            Some((Role::Copy, _)) => MemberKind::Copy,
            Some((Role::Clone, RestoreType::FullCopy)) => MemberKind::FullCopy,
            Some((Role::Clone, RestoreType::CopyOnWrite)) => MemberKind::Clone,
        };
        let config = kin.and_then(|kin| kin.config);
        let instances = self.instances_of(cluster);
        let volume = match (host, kind) {
            (Some(_), _) => Volume::Shared,
            (None, MemberKind::FullCopy | MemberKind::Copy) => {
                Volume::Own(kin.and_then(|kin| self.size(cluster, kin)))
            }
            // The pages of what was cloned from a copy that is gone are its own now; how many, nobody knows.
            (None, _) => Volume::Unknown,
        };
        // What is measured is what AWS bills.
        let measured = self.view.volume_gib.get(&cluster.identifier);
        let volume = measured.map_or(volume, |gib| Volume::Own(Some(*gib)));
        let prices = config.map(|config| &config.prices);
        let quota = config.and_then(|config| config.quota.as_ref());
        let data_time = own.as_ref().and_then(|own| own.data_time);
        let named = |text: &str| !text.is_empty();
        Member {
            identifier: cluster.identifier.clone(),
            kind,
            status: cluster.status.to_string(),
            root: told.as_ref().map(|told| told.root).or(kin.map(|kin| kin.root)).map(str::to_owned),
            source: told.as_ref().map(|told| told.source.to_owned()),
            takes_slot_of: host.map(str::to_owned),
            restore_type: own.as_ref().map(|own| own.restore_type.as_str()),
            manager: own.as_ref().map(|own| own.manager.to_owned()),
            carries_tags_of: told
                .as_ref()
                .filter(|told| told.cluster != cluster.identifier)
                .map(|told| told.cluster.to_owned()),
            data_time,
            data_age: data_time.map(|time| self.age(time)),
            created_at: cluster.created_at,
            owner: if own.is_some() { owner(cluster) } else { Owner::Unknown },
            quota_owner: quota.and_then(|quota| cluster.tag(&quota.tag)).map(str::to_owned),
            description: own
                .as_ref()
                .and(cluster.tag(tag::DESCRIPTION))
                .filter(|text| named(text))
                .map(str::to_owned),
            lease: own.as_ref().and(self.lease(cluster)),
            kept: self.kept(cluster, config),
            monthly_cost: self.view.prices.of(cluster, instances, volume, prices, false),
            instances: instances.iter().copied().map(Instance::of).collect(),
            named: self.named == Some(&cluster.identifier),
        }
    }

    fn instances_of(&self, cluster: &Cluster) -> &[&snapshot::Instance] {
        self.instances.get(cluster.identifier.as_str()).map(Vec::as_slice).unwrap_or_default()
    }

    fn size(&self, cluster: &Cluster, kin: &Kin<'_>) -> Option<f64> {
        let measured = self.view.volume_gib.get(&cluster.identifier).copied();
        measured.or_else(|| kin.config.and_then(|config| config.prices.volume_gib))
    }

    fn age(&self, time: DateTime<Utc>) -> i64 {
        (self.view.now - time).num_seconds().max(0)
    }

    fn lease(&self, cluster: &Cluster) -> Option<Lease> {
        let text = cluster.tag(tag::EXPIRES).filter(|text| !text.is_empty())?;
        let end = parse_time(text).ok();
        let warned = cluster.tag(tag::WARNED).and_then(|text| text.split_once('@'));
        let of_this_end = warned.filter(|(about, _)| end.is_some_and(|end| format_time(end) == *about));
        Some(Lease {
            end,
            text: text.to_owned(),
            left: end.map(|end| (end - self.view.now).num_seconds()),
            warned_at: of_this_end.and_then(|(_, when)| parse_time(when).ok()),
        })
    }

    /// A reason for which nobody but a person takes a cluster away.
    fn kept(&self, cluster: &Cluster, config: Option<&SourceConfig>) -> Option<String> {
        if cluster.tag(tag::KEEP).is_some() {
            return Some(format!("it has the tag {}", tag::KEEP));
        }
        let lists = self.view.maintenance.map(|all| &all.protect).into_iter();
        let mut lists = lists.chain(config.map(|config| &config.protect));
        if lists.any(|list| list.admit(&cluster.identifier)) {
            return Some("a protect list of the maintenance configuration names it".to_owned());
        }
        cluster.settings.deletion_protection.then(|| "it has deletion protection".to_owned())
    }
}

impl Instance {
    fn of(instance: &snapshot::Instance) -> Self {
        Self {
            identifier: instance.identifier.clone(),
            class: instance.settings.class.clone(),
            status: instance.status.to_string(),
            writer: instance.writer,
        }
    }
}

/// Who asked for a cluster whose own tags these are.
fn owner(cluster: &Cluster) -> Owner {
    let get = |key: &str| cluster.tag(key).filter(|value| !value.is_empty());
    let Some(id) = get(tag::STACK_ID) else { return Owner::ByHand };
    let logical_id = get(tag::LOGICAL_ID).unwrap_or_default().to_owned();
    if arn::is_command_line(id) {
        return Owner::CommandLine { name: logical_id };
    }
    // arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/UUID
    let name = id.split('/').nth(1).unwrap_or(id).to_owned();
    Owner::Stack { name, id: id.to_owned(), logical_id }
}

/// What the matter is with a source: the word of who chooses for Creates, and where that has nothing to object, that of who maintains
/// the pool, who knows the configuration and looks at instances as well.
fn condition(cluster: &Cluster, reason: &Reason, state: Option<&State>) -> (Condition, Option<String>) {
    let because = |condition| (condition, Some(reason.to_string()));
    match reason {
        Reason::Usable | Reason::NoFreeSlot => {}
        Reason::Busy(status) if status == "creating" => return because(Condition::Coming),
        Reason::Busy(_) => return because(Condition::Busy),
        Reason::NotAvailable(_) if cluster.status.phase() == Phase::Deleting => {
            return because(Condition::Going);
        }
        Reason::NotAvailable(_) => return because(Condition::Broken),
        Reason::NoInstance => return because(Condition::NoInstance),
        Reason::TooOld(_) | Reason::AgeUnknown => return because(Condition::TooOld),
        Reason::Retiring => return because(Condition::Retiring),
        Reason::NotOurs => return because(Condition::NotOurs),
    }
    match state {
        Some(State::Coming(why)) => return (Condition::Coming, Some(why.clone())),
        Some(State::Broken(why) | State::Unusable(why)) => return (Condition::Broken, Some(why.clone())),
        Some(State::NoInstance) => {
            return (
                Condition::NoInstance,
                Some("its instance is missing; the maintainer adds one".to_owned()),
            );
        }
        Some(State::TooOld) => {
            let why =
                "its data is older than max-copy-age of the maintenance configuration; Creates still take it";
            return (Condition::TooOld, Some(why.to_owned()));
        }
        _ => {}
    }
    match reason {
        Reason::NoFreeSlot => because(Condition::Full),
        _ => (Condition::Usable, None),
    }
}
