//! What templates have beside custom resources: it is complete at once, and has what `Ref` and `Fn::GetAtt` give.
//!
//! Nothing is behind these resources: no role is asked, no function runs. Without them a template that uses a clone could only
//! be tried in pieces, and what it takes from the clone (an ARN in a policy, a text in an environment) would be looked at by
//! nobody. Types that are not listed stay refused. Where something does stand behind one, made by hand, its name is
//! [foretold](super::CloudFormation::foretell).

use serde_json::{Map, Value};

use super::protocol;
use crate::rng::Rng;
use crate::world::Context;

/// What is known of a type.
struct Kind {
    name: &'static str,
    /// The service and the kind in its ARN; the kind ends with what stands before the name.
    place: Option<(&'static str, &'static str)>,
    /// The property that names it, if it can be named.
    named_by: &'static str,
    /// What `Ref` gives.
    reference: Reference,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reference {
    Name,
    Arn,
    /// A queue's.
    Url,
}

const fn kind(
    name: &'static str,
    place: Option<(&'static str, &'static str)>,
    named_by: &'static str,
    reference: Reference,
) -> Kind {
    Kind { name, place, named_by, reference }
}

/// The types.
const KINDS: [Kind; 16] = [
    kind("AWS::CloudWatch::Alarm", Some(("cloudwatch", "alarm:")), "AlarmName", Reference::Name),
    kind("AWS::CloudWatch::Dashboard", None, "DashboardName", Reference::Name),
    kind("AWS::DynamoDB::Table", Some(("dynamodb", "table/")), "TableName", Reference::Name),
    kind("AWS::Events::Rule", Some(("events", "rule/")), "Name", Reference::Name),
    kind("AWS::IAM::ManagedPolicy", Some(("iam", "policy/")), "ManagedPolicyName", Reference::Arn),
    kind("AWS::IAM::Role", Some(("iam", "role/")), "RoleName", Reference::Name),
    kind("AWS::KMS::Key", Some(("kms", "key/")), "", Reference::Name),
    kind("AWS::Lambda::EventInvokeConfig", None, "", Reference::Name),
    kind("AWS::Lambda::Function", Some(("lambda", "function:")), "FunctionName", Reference::Name),
    kind("AWS::Lambda::Permission", None, "", Reference::Name),
    kind("AWS::Logs::LogGroup", Some(("logs", "log-group:")), "LogGroupName", Reference::Name),
    kind("AWS::SQS::Queue", Some(("sqs", "")), "QueueName", Reference::Url),
    kind("AWS::SQS::QueuePolicy", None, "", Reference::Name),
    kind("AWS::SSM::Parameter", None, "Name", Reference::Name),
    kind("AWS::Scheduler::Schedule", Some(("scheduler", "schedule/default/")), "Name", Reference::Name),
    kind(
        "AWS::StepFunctions::StateMachine",
        Some(("states", "stateMachine:")),
        "StateMachineName",
        Reference::Arn,
    ),
];

fn find(kind: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|known| known.name == kind)
}

/// Whether a type is one of these.
pub(super) fn is_one(kind: &str) -> bool {
    find(kind).is_some()
}

/// The resource that is made.
pub(super) struct New<'a> {
    pub(super) kind: &'a str,
    pub(super) stack: &'a str,
    pub(super) logical_id: &'a str,
    pub(super) properties: &'a Value,
    /// What it is called, whatever its properties say.
    pub(super) foretold: Option<&'a str>,
}

/// The physical id and the attributes of a new one, whose name CloudFormation chooses where nothing else does.
pub(super) fn make(cx: &Context<'_>, new: &New<'_>) -> (String, Map<String, Value>) {
    let mut attributes = Map::new();
    let Some(kind) = find(new.kind) else { return (String::new(), attributes) };
    let given = new.properties.get(kind.named_by).and_then(Value::as_str);
    let name = new.foretold.or(given).map_or_else(|| invent(cx, new), str::to_owned);
    let Some((service, before)) = kind.place else { return (name, attributes) };
    let config = cx.config;
    let region = if service == "iam" { "" } else { config.region.as_str() };
    let after = if service == "logs" { ":*" } else { "" };
    let arn = format!("arn:{}:{service}:{region}:{}:{before}{name}{after}", config.partition, config.account);
    attributes.insert("Arn".to_owned(), Value::String(arn.clone()));
    let id = match kind.reference {
        Reference::Name => name,
        Reference::Arn => {
            let attribute = if service == "iam" { "PolicyArn" } else { "Name" };
            let value = if service == "iam" { arn.clone() } else { name };
            attributes.insert(attribute.to_owned(), Value::String(value));
            arn
        }
        Reference::Url => {
            let domain = if config.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
            let url = format!("https://sqs.{region}.{domain}/{}/{name}", config.account);
            attributes.insert("QueueName".to_owned(), Value::String(name));
            attributes.insert("QueueUrl".to_owned(), Value::String(url.clone()));
            url
        }
    };
    (id, attributes)
}

fn invent(cx: &Context<'_>, new: &New<'_>) -> String {
    // Chance of its own: what else happens in a World is the same with and without it.
    let seed = new.stack.bytes().chain(new.logical_id.bytes());
    let seed =
        seed.fold(cx.config.seed, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut rng = Rng::new(seed);
    match new.kind {
        "AWS::KMS::Key" => rng.uuid(),
        _ => protocol::invented_name(&mut rng, new.stack, new.logical_id),
    }
}
