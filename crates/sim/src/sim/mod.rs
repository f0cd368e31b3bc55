//! A World with a clock: what tests and servers share.
//!
//! There are three clocks: a virtual one (tokio's, which a test pauses: it jumps to the next timer when nothing can run), the
//! real one, scaled, and the real one that skips the time in which no function has anything to do. The World stands still
//! between accesses; every access brings it up to date first.

mod clock;
mod run;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use tokio::sync::Notify;

use self::clock::Clock;
pub use self::run::{INVOCATION, current_function};
use crate::functions::{FunctionError, Invocation};
use crate::http::{Request, Response};
use crate::world::{Origin, Outcome, World};

/// A call that got no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The connection broke; whether the call was executed is for the World to know.
    #[error("the connection broke (simulated)")]
    Lost,
    /// The calling process is dead. Nobody should see this: its task is ended.
    #[error("the calling process died (simulated)")]
    Crashed,
}

/// A shared World with a clock. Clones share the World.
#[derive(Clone)]
pub struct Sim {
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    clock: Clock,
    /// Told whenever something in the World may have changed.
    stirred: Notify,
    /// How to end the task of an invocation whose process dies.
    processes: Mutex<BTreeMap<u64, Arc<Notify>>>,
}

/// How long nothing must go on before a clock that skips does so: a real process needs a moment between its calls.
const GRACE: std::time::Duration = std::time::Duration::from_millis(5);

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Sim {
    /// A World on tokio's clock. Make it inside a runtime whose time is paused
    /// (`#[tokio::test(start_paused = true)]`); it runs on one thread, and the same seed gives the same run.
    pub fn in_virtual_time(world: World) -> Self {
        let clock = Clock::in_virtual_time(world.now());
        Self::with_clock(world, clock)
    }

    /// A World on the real clock, `factor` times as fast. A factor that is not above zero counts as 1.
    pub fn scaled(world: World, factor: f64) -> Self {
        let clock = Clock::scaled(world.now(), factor);
        Self::with_clock(world, clock)
    }

    /// A World on the real clock, for real processes on loopback: while a function's invocation is queued or runs, time
    /// is real, so that its process has all the time that it needs. While the World only waits for timers (and for those who
    /// sleep in its time), [`Sim::drive`] skips to the next one.
    pub fn skipping(world: World) -> Self {
        let clock = Clock::skipping(world.now());
        Self::with_clock(world, clock)
    }

    fn with_clock(world: World, clock: Clock) -> Self {
        let shared = Shared {
            world: Mutex::new(world),
            clock,
            stirred: Notify::new(),
            processes: Mutex::new(BTreeMap::new()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What the clock says.
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.clock.now()
    }

    /// Looks at the World, or changes it, at the clock's time. Don't call it again from inside `act`.
    pub fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        self.access(|world| (act(world), true))
    }

    /// Brings the World up to date and runs `act`, which says whether others should look again. Telling them for
    /// nothing is not harmless: two who wait would wake each other for ever.
    fn access<R>(&self, act: impl FnOnce(&mut World) -> (R, bool)) -> R {
        let mut world = lock(&self.shared.world);
        let now = self.now();
        let stirred = world.next_due().is_some_and(|due| due <= now);
        world.advance_to(now);
        let (result, changed) = act(&mut world);
        drop(world);
        if stirred || changed {
            self.shared.stirred.notify_waiters();
        }
        result
    }

    /// Waits until `look` finds something. It is asked again whenever the World may have changed.
    async fn until<R>(&self, mut look: impl FnMut(&mut World) -> Option<R>) -> R {
        loop {
            let mut stirred = std::pin::pin!(self.shared.stirred.notified());
            stirred.as_mut().enable();
            let found = self.access(|world| {
                let found = look(world);
                let changed = found.is_some();
                (found, changed)
            });
            match found {
                Some(found) => return found,
                None => stirred.await,
            }
        }
    }

    /// Waits until `look` finds something. It looks again whenever the World may have changed.
    pub async fn watch<R>(&self, mut look: impl FnMut(&World) -> Option<R>) -> R {
        self.until(|world| look(world)).await
    }

    /// Lets things happen when they are due, for ever. Somebody must drive a World in which anything waits.
    pub async fn drive(&self) {
        loop {
            let mut stirred = std::pin::pin!(self.shared.stirred.notified());
            stirred.as_mut().enable();
            let (due, idle) = self.access(|world| ((self.next_due(world), self.may_skip(world)), false));
            let Some(due) = due else {
                stirred.await;
                continue;
            };
            tokio::select! {
                biased;
                () = stirred => {}
                () = tokio::time::sleep(GRACE), if idle => self.skip(),
                () = self.nap(due) => self.wake(),
            }
        }
    }

    /// What happens next by itself, in the World or to who sleeps in its time.
    fn next_due(&self, world: &World) -> Option<DateTime<Utc>> {
        [world.next_due(), self.shared.clock.next_sleeper()].into_iter().flatten().min()
    }

    fn may_skip(&self, world: &World) -> bool {
        self.shared.clock.skips() && world.functions.is_idle()
    }

    /// Skips to what happens next, unless something has begun meanwhile.
    fn skip(&self) {
        let world = lock(&self.shared.world);
        let due = self.next_due(&world).filter(|_| self.may_skip(&world));
        if let Some(due) = due {
            self.shared.clock.skip_to(due);
        }
        drop(world);
        self.wake();
    }

    /// Brings the World up to date and wakes who sleeps in its time, if their clock may have been moved.
    fn wake(&self) {
        self.access(|_| ((), self.shared.clock.skips()));
    }

    /// Sleeps in the World's time.
    pub async fn sleep(&self, span: Duration) {
        if span <= Duration::zero() {
            return;
        }
        if self.shared.clock.skips() {
            self.sleep_until(self.now() + span).await;
        } else {
            tokio::time::sleep(self.shared.clock.real(span)).await;
        }
    }

    /// Sleeps until the World's clock says so.
    pub async fn sleep_until(&self, until: DateTime<Utc>) {
        let announced = self.shared.clock.announce(until);
        if announced.is_some() {
            self.shared.stirred.notify_waiters();
        }
        loop {
            let mut stirred = std::pin::pin!(self.shared.stirred.notified());
            stirred.as_mut().enable();
            if self.now() >= until {
                return;
            }
            tokio::select! {
                () = stirred, if announced.is_some() => {}
                () = self.nap(until) => {}
            }
        }
    }

    /// Sleeps until then on tokio's clock, and knows nothing of what is skipped meanwhile.
    async fn nap(&self, until: DateTime<Utc>) {
        loop {
            let left = until - self.now();
            if left <= Duration::zero() {
                return;
            }
            tokio::time::sleep(self.shared.clock.real(left)).await;
        }
    }

    /// Makes a call and waits for its reply.
    ///
    /// The call is executed when the future is first polled; who drops it later only misses the reply.
    pub async fn call(&self, request: Request, origin: Origin) -> Result<Response, CallError> {
        let outcome = self.with(|world| handle(world, &request, &origin));
        match outcome {
            Outcome::Reply(response, delay) => {
                self.sleep(delay).await;
                Ok(response)
            }
            Outcome::Lost => Err(CallError::Lost),
            Outcome::Crashed => {
                if let Some(process) = origin.invocation.and_then(|id| self.process(id)) {
                    process.notify_one();
                }
                Err(CallError::Crashed)
            }
        }
    }

    /// The next invocation of a function, as soon as there is one; it starts at that moment.
    pub async fn next_invocation(&self, function: &str) -> Invocation {
        self.until(|world| {
            let now = world.now();
            world.functions.take(now, function)
        })
        .await
    }

    fn process(&self, id: u64) -> Option<Arc<Notify>> {
        lock(&self.shared.processes).get(&id).cloned()
    }
}

/// A process that dies takes its invocation with it, and the dead make no calls.
fn handle(world: &mut World, request: &Request, origin: &Origin) -> Outcome {
    if origin.invocation.is_some_and(|id| world.functions.is_over(id)) {
        return Outcome::Crashed;
    }
    let outcome = world.handle(request, origin);
    if let (Outcome::Crashed, Some(id)) = (&outcome, origin.invocation) {
        world.settle(|services, cx| services.functions.finish(cx, id, Err(FunctionError::exited(id))));
    }
    outcome
}

/// A test that fails inside [`Sim::with`] should be the only one that reports it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
