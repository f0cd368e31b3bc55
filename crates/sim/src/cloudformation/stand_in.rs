//! What templates have beside custom resources: it is complete at once, and has what `Ref` and `Fn::GetAtt` give.
//!
//! Nothing is behind these resources: no role is asked, no function runs. Without them a template that uses a clone could only
//! be tried in pieces, and what it takes from the clone (an ARN in a policy, a text in an environment) would be looked at by
//! nobody. Types that are not listed stay refused.

use serde_json::{Map, Value};

use super::protocol;
use crate::rng::Rng;
use crate::world::Context;

/// The types, and the service and the kind in their ARNs; the kind ends with what stands before the name.
const KINDS: [(&str, Option<(&str, &str)>); 8] = [
    ("AWS::Events::Rule", Some(("events", "rule/"))),
    ("AWS::IAM::Role", Some(("iam", "role/"))),
    ("AWS::Lambda::EventInvokeConfig", None),
    ("AWS::Lambda::Function", Some(("lambda", "function:"))),
    ("AWS::Lambda::Permission", None),
    ("AWS::Logs::LogGroup", Some(("logs", "log-group:"))),
    ("AWS::SQS::Queue", Some(("sqs", ""))),
    ("AWS::SQS::QueuePolicy", None),
];

/// Whether a type is one of these.
pub(super) fn is_one(kind: &str) -> bool {
    KINDS.iter().any(|(known, _)| *known == kind)
}

/// The physical id and the attributes of a new one, whose name CloudFormation chooses.
pub(super) fn make(
    cx: &Context<'_>,
    kind: &str,
    stack: &str,
    logical_id: &str,
) -> (String, Map<String, Value>) {
    // Chance of its own: what else happens in a World is the same with and without it.
    let seed = stack.bytes().chain(logical_id.bytes());
    let seed =
        seed.fold(cx.config.seed, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let name = protocol::invented_name(&mut Rng::new(seed), stack, logical_id);
    let mut attributes = Map::new();
    let place = KINDS.iter().find(|(known, _)| *known == kind).and_then(|(_, place)| *place);
    let Some((service, before)) = place else { return (name, attributes) };
    let config = cx.config;
    let region = if service == "iam" { "" } else { config.region.as_str() };
    let after = if service == "logs" { ":*" } else { "" };
    let arn = format!("arn:{}:{service}:{region}:{}:{before}{name}{after}", config.partition, config.account);
    attributes.insert("Arn".to_owned(), Value::String(arn));
    if service != "sqs" {
        return (name, attributes);
    }
    // A queue is the only one of them that Ref gives another text than its name.
    let domain = if config.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    let url = format!("https://sqs.{region}.{domain}/{}/{name}", config.account);
    attributes.insert("QueueName".to_owned(), Value::String(name));
    attributes.insert("QueueUrl".to_owned(), Value::String(url.clone()));
    (url, attributes)
}
