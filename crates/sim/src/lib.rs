//! A fake AWS for Aurora Clone Manager: one seeded [`World`] with the rooms that the product touches: RDS,
//! DynamoDB, Step Functions, Lambda, CloudFormation and its response bucket, Secrets Manager, KMS, EventBridge with its
//! Scheduler, SSM Parameter Store, CloudWatch and its Logs; and IAM, which judges what the roles of functions allow, with STS.
//!
//! It is used in two ways. Plugged in **under the real AWS SDK** ([`connector`]) it runs in virtual time,
//! deterministic and thousands of flows a minute. **Served on loopback** ([`serve`]) it is a fake AWS for a real
//! function binary, the AWS CLI and boto3.
//!
//! This crate uses none of the product's crates: a simulator that shares types with the product agrees with its
//! bugs. Everything it claims about AWS comes from AWS's public documents; `assumptions.md` beside this crate lists
//! what those documents leave open.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod bucket;
mod calls;
pub mod cloudformation;
pub mod cloudwatch;
pub mod connector;
pub mod dynamodb;
pub mod events;
pub mod faults;
pub mod functions;
pub mod http;
pub mod iam;
mod json;
pub mod kms;
pub mod logs;
pub mod policy;
pub mod query;
pub mod rds;
pub mod record;
pub mod rng;
pub mod scheduler;
pub mod secrets;
pub mod serve;
pub mod sim;
pub mod ssm;
pub mod states;
mod wire;
pub mod world;

pub use faults::{Fault, FaultKind, Target};
pub use sim::Sim;
pub use world::{Call, Config, Origin, World};
