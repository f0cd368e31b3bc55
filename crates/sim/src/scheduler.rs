//! EventBridge Scheduler, as far as a function needs it: an event at certain times, at least once as a rule.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::functions::ReplyTo;
use crate::world::{Context, Effect};

/// What goes wrong with a schedule. AWS promises "at least once", and outages break even that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing: every time brings one event.
    #[default]
    None,
    /// Every time brings two events at the same moment.
    Twice,
    /// No time brings an event.
    Never,
}

/// The schedules of the account.
#[derive(Debug, Default)]
pub struct Scheduler {
    /// What goes wrong with the times to come.
    pub mishap: Mishap,
    schedules: Vec<Schedule>,
}

#[derive(Debug)]
struct Schedule {
    function: String,
    /// `None` once it is over.
    next: Option<DateTime<Utc>>,
    every: Duration,
    payload: Map<String, Value>,
}

impl Scheduler {
    /// Adds a schedule. An `every` that is not above zero means once.
    pub fn add(
        &mut self,
        function: &str,
        first: DateTime<Utc>,
        every: Duration,
        payload: Map<String, Value>,
    ) {
        self.schedules.push(Schedule { function: function.to_owned(), next: Some(first), every, payload });
    }

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.schedules.iter().filter_map(|schedule| schedule.next).min()
    }

    /// Lets everything happen that is due now.
    pub fn tick(&mut self, cx: &mut Context<'_>) {
        let events = match self.mishap {
            Mishap::None => 1,
            Mishap::Twice => 2,
            Mishap::Never => 0,
        };
        for schedule in &mut self.schedules {
            while let Some(time) = schedule.next.filter(|next| *next <= cx.now) {
                schedule.next = (schedule.every > Duration::zero()).then(|| time + schedule.every);
                let mut payload = schedule.payload.clone();
                payload.insert("time".to_owned(), json!(time.to_rfc3339_opts(SecondsFormat::Secs, true)));
                for _ in 0..events {
                    cx.effects.push(Effect::Invoke {
                        function: schedule.function.clone(),
                        payload: Value::Object(payload.clone()),
                        reply_to: ReplyTo::Nobody,
                    });
                }
            }
        }
    }
}
