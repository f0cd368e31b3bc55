//! What a person sees while a request is worked on: what is being waited for, for how long, and how long that usually takes.
//!
//! On a terminal it is a bar that follows the terminal's width; elsewhere a line for every change, so that a log stays short.

use aurora_clone_core::event::RequestType;
use aurora_clone_core::snapshot::{Cluster, Instance};
use chrono::{DateTime, Duration, Utc};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printer::Printer;

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Which one it is, from 1.
    pub number: u64,
    /// What is done in it.
    pub what: &'static str,
    /// How long it usually takes, in seconds, from and to. A blog of AWS's has a clone of 2 TB usable after five and a half
    /// minutes, most of which the instance takes; the rest are the ranges that the simulator draws from.
    pub usual: (u64, u64),
}

/// The stages of something that is made.
const MAKING: [Stage; 4] = [
    Stage { number: 1, what: "choosing a slot", usual: (1, 30) },
    Stage { number: 2, what: "cloning the volume", usual: (60, 240) },
    Stage { number: 3, what: "waiting for the instances", usual: (240, 420) },
    Stage { number: 4, what: "setting it up", usual: (60, 180) },
];
/// The stages of something that goes.
const GOING: [Stage; 3] = [
    Stage { number: 1, what: "deleting the instances", usual: (120, 240) },
    Stage { number: 2, what: "deleting the cluster", usual: (60, 180) },
    Stage { number: 3, what: "deleting its secret and its key", usual: (30, 60) },
];

/// Where a request stands, by what is there of it.
pub fn stage(kind: RequestType, cluster: Option<&Cluster>, instances: &[Instance]) -> Stage {
    let all_ready = !instances.is_empty() && instances.iter().all(|instance| instance.status.is_ready());
    match (kind, cluster) {
        (RequestType::Delete, None) => GOING[2],
        (RequestType::Delete, Some(_)) if instances.is_empty() => GOING[1],
        (RequestType::Delete, Some(_)) => GOING[0],
        (_, None) => MAKING[0],
        (_, Some(cluster)) if !cluster.status.is_ready() && instances.is_empty() => MAKING[1],
        (_, Some(_)) if !all_ready => MAKING[2],
        (_, Some(_)) => MAKING[3],
    }
}

/// How many stages a request has, and how long all of them usually take at most.
fn whole(kind: RequestType) -> (usize, u64) {
    let stages: &[Stage] = if kind == RequestType::Delete { &GOING } else { &MAKING };
    (stages.len(), stages.iter().map(|stage| stage.usual.1).sum())
}

/// How many seconds a request usually takes, from and to.
pub fn usual(kind: RequestType) -> (u64, u64) {
    let stages: &[Stage] = if kind == RequestType::Delete { &GOING } else { &MAKING };
    stages.iter().fold((0, 0), |(from, to), stage| (from + stage.usual.0, to + stage.usual.1))
}

/// The display of one request.
pub struct Progress {
    kind: RequestType,
    bar: Option<ProgressBar>,
    began: DateTime<Utc>,
    stage: Option<(Stage, DateTime<Utc>)>,
    said: String,
}

impl Progress {
    /// Begins to show.
    pub fn begin(kind: RequestType, printer: &Printer, now: DateTime<Utc>) -> Self {
        let bar = printer.draws_progress().then(|| {
            let bar = ProgressBar::with_draw_target(Some(whole(kind).1), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {prefix} {bar:20} {wide_msg}");
            // The template is a constant; whatever is wrong with it, the default shows as well.
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─"));
            bar.enable_steady_tick(std::time::Duration::from_millis(250));
            bar
        });
        Self { kind, bar, began: now, stage: None, said: String::new() }
    }

    /// Shows where the request stands, and what is being waited for.
    pub fn show(
        &mut self,
        printer: &mut Printer,
        stage: Stage,
        why: &str,
        now: DateTime<Utc>,
    ) -> std::io::Result<()> {
        let since = match self.stage {
            Some((before, since)) if before == stage => since,
            _ => now,
        };
        self.stage = Some((stage, since));
        let line = format!("{}: {why}", stage.what);
        let Some(bar) = &self.bar else {
            if line != self.said {
                printer.note(&format!("[{}] {line} ({})", clock(now - self.began), usually(stage)))?;
                self.said = line;
            }
            return Ok(());
        };
        self.said = line;
        bar.set_prefix(format!("{}/{}", stage.number, whole(self.kind).0));
        self.tick(now);
        Ok(())
    }

    /// Says something beside the display, which is drawn again below it.
    pub fn note(&self, printer: &mut Printer, text: &str) -> std::io::Result<()> {
        match &self.bar {
            Some(bar) => bar.suspend(|| printer.note(text)),
            None => printer.note(text),
        }
    }

    /// Moves the clock on.
    pub fn tick(&self, now: DateTime<Utc>) {
        let (Some(bar), Some((stage, since))) = (&self.bar, self.stage) else { return };
        let before = if self.kind == RequestType::Delete { GOING.iter() } else { MAKING.iter() };
        let before: u64 =
            before.filter(|earlier| earlier.number < stage.number).map(|earlier| earlier.usual.1).sum();
        let here = u64::try_from((now - since).num_seconds()).unwrap_or(0).min(stage.usual.1);
        bar.set_position(before + here);
        let elapsed = clock(now - self.began);
        bar.set_message(format!("{elapsed} {} ({})", self.said, usually(stage)));
    }

    /// Ends the display; the terminal is as if it had not been there.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `3:07`, or `1:02:03`.
pub fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.num_seconds().max(0);
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
}

fn usually(stage: Stage) -> String {
    let (from, to) = stage.usual;
    match to {
        0..=60 => format!("usually up to {to} s"),
        _ => format!("usually {} to {} min", from.div_ceil(60), to.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use aurora_clone_core::event::RequestType;
    use chrono::{DateTime, Duration, Utc};

    use super::{GOING, MAKING, Progress, clock, stage, usually};
    use crate::printer::Printer;

    #[test]
    fn durations_are_said_as_people_say_them() {
        assert_eq!(clock(Duration::seconds(187)), "3:07");
        assert_eq!(clock(Duration::seconds(3_723)), "1:02:03");
        assert_eq!(clock(Duration::seconds(-1)), "0:00");
        assert_eq!(usually(MAKING[0]), "usually up to 30 s");
        assert_eq!(usually(MAKING[2]), "usually 4 to 7 min");
    }

    #[test]
    fn nothing_there_is_the_first_stage_of_making_and_the_last_of_going() {
        assert_eq!(stage(RequestType::Create, None, &[]), MAKING[0]);
        assert_eq!(stage(RequestType::Delete, None, &[]), GOING[2]);
    }

    #[test]
    fn what_is_piped_has_a_line_for_every_change_and_no_more() {
        let (mut printer, out, err) = Printer::captured();
        let begin = DateTime::<Utc>::UNIX_EPOCH;
        let mut progress = Progress::begin(RequestType::Create, &printer, begin);
        for (seconds, stage, why) in
            [(0, MAKING[0], "a"), (15, MAKING[0], "a"), (30, MAKING[1], "b"), (75, MAKING[1], "c")]
        {
            let now = begin + Duration::seconds(seconds);
            progress.show(&mut printer, stage, why, now).expect("a line");
        }
        progress.end();
        assert_eq!(out.text(), "");
        assert_eq!(
            err.text(),
            "[0:00] choosing a slot: a (usually up to 30 s)\n[0:30] cloning the volume: b (usually 1 to 4 min)\n\
             [1:15] cloning the volume: c (usually 1 to 4 min)\n"
        );
    }
}
