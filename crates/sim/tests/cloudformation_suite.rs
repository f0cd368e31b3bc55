//! The CloudFormation engine, with tests in the place of functions.

#[path = "cloudformation_suite/answers.rs"]
mod answers;
#[path = "cloudformation_suite/chance.rs"]
mod chance;
#[path = "cloudformation_suite/create.rs"]
mod create;
#[path = "cloudformation_suite/delete.rs"]
mod delete;
#[path = "cloudformation_suite/lab.rs"]
mod lab;
#[path = "cloudformation_suite/templates.rs"]
mod templates;
#[path = "cloudformation_suite/update.rs"]
mod update;
#[path = "cloudformation_suite/update_rollback.rs"]
mod update_rollback;
#[path = "cloudformation_suite/wire.rs"]
mod wire;
#[path = "cloudformation_suite/world.rs"]
mod world;
