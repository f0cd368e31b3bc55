//! Secrets Manager, KMS, EventBridge and SSM, over the wire's JSON.

mod audits;
mod events;
mod faults;
mod keys;
mod policies;
mod room;
mod secrets;
mod ssm;
