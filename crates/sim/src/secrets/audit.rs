//! Holds the product to the World's truth: what it may never do, whatever the tags say.

use super::Secret;
use crate::policy::Policy;
use crate::world::Context;

/// To be called for every accepted mutation of an existing secret.
pub(super) fn audit(cx: &mut Context<'_>, operation: &str, secret: &Secret) {
    if cx.by_manager() && !cx.config.manager_keys.contains(&secret.created_by) {
        cx.violations.push(format!(
            "S1 {operation} by the manager hit the secret {}, which {:?} made",
            secret.name, secret.created_by
        ));
    }
}

/// To be called for every accepted resource policy.
pub(super) fn audit_policy(cx: &mut Context<'_>, policy: &Policy, secret: &Secret) {
    if cx.by_manager() && policy.is_public() {
        cx.violations
            .push(format!("S22 the manager's policy lets everybody in to the secret {}", secret.name));
    }
}
