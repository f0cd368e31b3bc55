//! Plays several scenarios at once, each in a thread and a runtime of its own whose time is paused: the command's own runtime has
//! real time, or that of a test.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::figures::Told;
use super::player::play;
use super::scenario::Scenario;
use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// What a thread tells.
enum News {
    /// A day is over.
    Day,
    /// The scenario of this number is.
    Over(usize, Result<Told, String>),
}

/// Says to all threads that nobody waits for them any more.
struct Stopper(Arc<AtomicBool>);

impl Drop for Stopper {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Plays all of them and returns what came of each, in their order.
pub async fn play_all(scenarios: Vec<Scenario>, around: &Surroundings) -> Result<Vec<Told>, Failure> {
    let count = scenarios.len();
    let days: u64 = scenarios.iter().map(|scenario| u64::from(scenario.days)).sum();
    let bar = match around.printer.draws_progress() {
        true => ProgressBar::new(days).with_style(style()),
        false => ProgressBar::hidden(),
    };
    let stopped = Arc::new(AtomicBool::new(false));
    let _stopper = Stopper(Arc::clone(&stopped));
    let (tell, mut hear) = unbounded_channel();
    let waiting = Arc::new(Mutex::new(scenarios.into_iter().enumerate().rev().collect::<Vec<_>>()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(count);
    for _ in 0..threads {
        let (waiting, tell, stopped) = (Arc::clone(&waiting), tell.clone(), Arc::clone(&stopped));
        std::thread::spawn(move || {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some((number, scenario)) = next else { return };
                let told = alone(&scenario, &tell, &stopped);
                if tell.send(News::Over(number, told)).is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let mut all: Vec<Option<Told>> = vec![None; count];
    let mut stop = (around.stop)();
    loop {
        tokio::select! {
            news = hear.recv() => match news {
                Some(News::Day) => bar.inc(1),
                Some(News::Over(number, Ok(told))) => all[number] = Some(told),
                Some(News::Over(_, Err(why))) => return Err(defect(&why)),
                None => break,
            },
            signal = &mut stop => {
                bar.finish_and_clear();
                return Err(Failure::Signal(signal));
            }
        }
    }
    bar.finish_and_clear();
    all.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| defect("a run ended without a result"))
}

/// Plays one scenario in a runtime of its own.
fn alone(scenario: &Scenario, tell: &UnboundedSender<News>, stopped: &AtomicBool) -> Result<Told, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().map_err(|error| error.to_string())?;
    // Nobody is left to tell where this can't be sent.
    let day = || drop(tell.send(News::Day));
    runtime.block_on(play(scenario, day, stopped))
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{bar:30} day {pos} of {len}, {elapsed}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn defect(why: &str) -> Failure {
    Failure::new(format!("something happened that never may: {why}"))
        .hint("this is a defect of Aurora Clone Manager, whatever the scenario is: please report it with the scenario and its seed")
}
