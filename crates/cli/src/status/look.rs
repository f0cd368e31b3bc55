//! One look at the account. Only listings and single items are read, however many clusters there are; and only through clients that
//! can't write.

use std::collections::BTreeMap;
use std::path::Path;

use aurora_clone_aws::maintain::roots;
use aurora_clone_aws::observe;
use aurora_clone_core::overview::{NoSuchCluster, Overview, View, Wanted, choose};
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_core::prices::PriceList;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::failure::Failure;
use crate::session::Session;

/// What is to be seen.
pub struct Wish<'a> {
    /// The family of this cluster.
    pub source: Option<&'a str>,
    /// What has no family as well.
    pub all: bool,
    /// What things cost.
    pub prices: PriceList,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Seen {
    /// What there is.
    #[serde(flatten)]
    pub overview: Overview,
    /// What could not be read and is missing.
    pub notes: Vec<String>,
}

impl Seen {
    /// As one document, in one line or in many.
    pub fn json(&self, pretty: bool) -> Result<String, Failure> {
        let text = if pretty { serde_json::to_string_pretty(self) } else { serde_json::to_string(self) };
        text.map_err(|error| Failure::new(format!("what was seen can't be written as JSON: {error}")))
    }
}

/// The prices in a file, or AWS's own.
pub fn prices(file: Option<&Path>) -> Result<PriceList, Failure> {
    let Some(file) = file else { return Ok(PriceList::default()) };
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("the prices in {shown} can't be read: {error}")))?;
    PriceList::parse(&text).map_err(|problem| {
        Failure::new(format!("the prices in {shown} are wrong: {problem}"))
            .hint(r#"such as {"db.r6g.large": 0.26, "acu-hour": 0.12, "gib-month": 0.10}, in US dollars"#)
    })
}

/// Looks once.
pub async fn look(session: &Session, wish: &Wish<'_>) -> Result<Seen, Failure> {
    let mut notes = Vec::new();
    let maintenance = match session.maintenance().await {
        Ok(maintenance) => Some(maintenance),
        Err(failure) => {
            notes.push(format!("{failure}; targets, protect lists and sizes of volumes are missing here"));
            None
        }
    };
    let now = session.cloud.now();
    let overview = overview(session, maintenance.as_ref(), wish, now, &mut notes).await?;
    Ok(Seen { overview, notes })
}

/// The overview at a moment, by a configuration that was read before. What could not be read is noted.
pub async fn overview(
    session: &Session,
    maintenance: Option<&Maintenance>,
    wish: &Wish<'_>,
    now: DateTime<Utc>,
    notes: &mut Vec<String>,
) -> Result<Overview, Failure> {
    let cloud = session.cloud.read_only();
    let clusters = observe::clusters(&cloud).await?;
    let wanted = Wanted { source: wish.source, all: wish.all };
    let chosen = choose(&clusters, &session.settings, maintenance, wanted).map_err(no_such)?;
    let instances = observe::instances(&cloud, &chosen.clusters()).await?;
    let rules = match roots::published(&cloud, chosen.roots()).await {
        Ok(rules) => rules,
        Err(error) => {
            notes.push(format!(
                "{error}; limits of single sources, which the maintainer publishes, are missing here"
            ));
            BTreeMap::new()
        }
    };
    Ok(chosen.describe(&View {
        instances: &instances,
        settings: &session.settings,
        maintenance,
        rules: &rules,
        prices: &wish.prices,
        volume_gib: &BTreeMap::new(),
        place: &session.place,
        now,
    }))
}

fn no_such(error: NoSuchCluster) -> Failure {
    let hint = match &error.similar {
        Some(similar) => format!("did you mean {similar:?}? `aurora-clone status --all` shows every cluster"),
        None => {
            "`aurora-clone status --all` shows every cluster; --region and --profile say where".to_owned()
        }
    };
    Failure::new(error.to_string()).hint(hint)
}
