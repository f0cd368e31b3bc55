//! Holds the product to the World's truth: what it may never do, whatever the tags say.

use super::Key;
use crate::world::Context;

/// To be called for every accepted mutation of an existing key.
pub(super) fn audit(cx: &mut Context<'_>, operation: &str, key: &Key) {
    if cx.by_manager() && !cx.config.manager_keys.contains(&key.created_by) {
        cx.violations.push(format!(
            "S1 {operation} by the manager hit the key {}, which {:?} made",
            key.id, key.created_by
        ));
    }
}
