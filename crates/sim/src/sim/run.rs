//! Runs a function of a test as Lambda runs a process: concurrently, until it ends, dies or is ended.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};

use super::{Sim, lock};
use crate::functions::{FunctionError, Invocation};

tokio::task_local! {
    /// The invocation that the current task works for. Tasks that a handler spawns don't inherit it.
    pub static INVOCATION: u64;
    static FUNCTION: Arc<str>;
}

/// The function whose invocation the current task works for; `None` outside of [`Sim::run_function`].
pub fn current_function() -> Option<String> {
    FUNCTION.try_with(|name| name.to_string()).ok()
}

/// `None` when the invocation was ended from outside.
type Ended = Option<Result<Value, FunctionError>>;

impl Sim {
    /// Runs the invocations of a function, each in a task of its own, for ever. Dropping the future ends them all.
    ///
    /// The handler gets the event and the deadline. At the deadline, or when a call of the invocation crashes, the
    /// task is dropped where it stands; a panic counts as a process that died.
    pub async fn run_function<F, Fut>(&self, name: &str, handler: F)
    where
        F: Fn(Value, DateTime<Utc>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, FunctionError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let mut tasks: JoinSet<Ended> = JoinSet::new();
        let mut ids: HashMap<Id, u64> = HashMap::new();
        loop {
            tokio::select! {
                biased;
                Some(ended) = tasks.join_next_with_id() => self.ended(&mut ids, ended),
                invocation = self.next_invocation(name) => {
                    let id = invocation.id;
                    let task = self.start(&mut tasks, invocation, &handler);
                    ids.insert(task, id);
                }
            }
        }
    }

    fn start<F, Fut>(&self, tasks: &mut JoinSet<Ended>, invocation: Invocation, handler: &Arc<F>) -> Id
    where
        F: Fn(Value, DateTime<Utc>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, FunctionError>> + Send + 'static,
    {
        let Invocation { id, payload, deadline, function } = invocation;
        let killed = Arc::new(Notify::new());
        lock(&self.shared.processes).insert(id, Arc::clone(&killed));
        let (sim, handler) = (self.clone(), Arc::clone(handler));
        let work = async move { handler(payload, deadline).await };
        let process = async move {
            tokio::select! {
                biased;
                () = killed.notified() => None,
                result = work => Some(result),
                () = sim.sleep_until(deadline) => None,
            }
        };
        tasks.spawn(FUNCTION.scope(function.into(), INVOCATION.scope(id, process))).id()
    }

    fn ended(&self, ids: &mut HashMap<Id, u64>, ended: Result<(Id, Ended), JoinError>) {
        let (task, result) = match ended {
            Ok((task, result)) => (task, result),
            Err(error) => (error.id(), None),
        };
        let Some(id) = ids.remove(&task) else { return };
        lock(&self.shared.processes).remove(&id);
        // What timed out or crashed is over in the World already; what is not over then, panicked.
        let result = result.unwrap_or_else(|| Err(FunctionError::exited(id)));
        self.with(|world| world.settle(|services, cx| services.functions.finish(cx, id, result)));
    }
}
