//! How much a request may take: calls, looks a minute, time.

use std::collections::BTreeMap;

use aurora_clone_sim::World;
use chrono::{DateTime, Duration, Utc};

/// The most calls that one request makes: an hour of looks every 30 seconds, with ten calls each and some to spare. One that is
/// not kept waiting makes fewer than 200.
const CALLS: usize = 1_300;
/// The longest that a request's execution runs.
const TIME: Duration = Duration::minutes(65);
/// The longest that an execution of the maintainer runs.
const MAINTENANCE: Duration = Duration::hours(26);

/// What one request took. `SIM_SHOW_BUDGET` prints it for every request of every flow.
#[derive(Debug, Default)]
pub struct Spent {
    /// Its calls to AWS.
    pub calls: usize,
    /// When its steps looked at clusters.
    looks: Vec<DateTime<Utc>>,
}

impl Spent {
    /// The most looks within one minute.
    pub fn looks_a_minute(&self) -> usize {
        let within = |from: &DateTime<Utc>| {
            self.looks.iter().filter(|at| (*from..*from + Duration::minutes(1)).contains(at)).count()
        };
        self.looks.iter().map(within).max().unwrap_or(0)
    }
}

/// What each request took, by its key.
pub fn spent(world: &World) -> BTreeMap<String, Spent> {
    let steps = world.functions.log().iter();
    let steps: BTreeMap<u64, &str> =
        steps.filter_map(|record| Some((record.id, record.payload["request"].as_str()?))).collect();
    let mut spent: BTreeMap<String, Spent> = BTreeMap::new();
    let mut last = None;
    for call in &world.log {
        let Some(invocation) = call.invocation else { continue };
        let Some(key) = steps.get(&invocation) else { continue };
        let request = spent.entry((*key).to_owned()).or_default();
        request.calls += 1;
        // A step is one look, however many listings it reads.
        if call.operation == "DescribeDBClusters" && last != Some(invocation) {
            last = Some(invocation);
            request.looks.push(call.at);
        }
    }
    spent
}

/// L4 and L5: no request goes on for ever or asks AWS without end.
pub fn check(world: &World) {
    for (key, spent) in spent(world) {
        assert!(spent.calls <= CALLS, "{key} made {} calls", spent.calls);
        if std::env::var_os("SIM_SHOW_BUDGET").is_some() {
            println!("BUDGET {} {} {key}", spent.calls, spent.looks_a_minute());
        }
    }
    for execution in world.states.executions() {
        let ran = execution.stopped.unwrap_or(world.now()) - execution.started;
        let most = if execution.state_machine.ends_with(":clone") { TIME } else { MAINTENANCE };
        assert!(ran <= most, "{} ran for {ran}", execution.name);
    }
}
