//! Telling EventBridge.

use aurora_clone_core::events::Event;
use aurora_clone_core::names::event::SOURCE;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::cloud::{CallError, Cloud};

/// The most entries that one call takes.
const AT_ONCE: usize = 10;

/// Puts events on the default bus. One that is not taken is an error, and all are put again: every event may come twice.
pub async fn put(cloud: &Cloud, events: &[Event]) -> Result<(), CallError> {
    for events in events.chunks(AT_ONCE) {
        let entries = events.iter().map(|event| {
            PutEventsRequestEntry::builder()
                .source(SOURCE)
                .detail_type(&event.detail_type)
                .detail(event.detail.to_string())
                .set_resources(Some(event.resources.clone()))
                .build()
        });
        let taken = cloud.events.put_events().set_entries(Some(entries.collect())).send().await;
        let taken = taken.map_err(|error| CallError::new("PutEvents", error))?;
        if taken.failed_entry_count() > 0 {
            let failed = taken.entries().iter().find(|entry| entry.error_code().is_some());
            let why = failed.and_then(|entry| entry.error_code()).unwrap_or("no reason is given");
            return Err(CallError::nonsense(
                "PutEvents",
                format!("{} events were not taken: {why}", taken.failed_entry_count()),
            ));
        }
    }
    Ok(())
}
