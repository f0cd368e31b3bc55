//! The API of EventBridge, as the wire carries it.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::{Event, EventBridge};
use crate::http::{Request, Response};
use crate::json::{self, Answer, Members, constraint, invalid};
use crate::world::{Config, Context};

const ENTRY: [&str; 6] = ["Time", "Source", "Resources", "DetailType", "Detail", "EventBusName"];
/// What EventBridge counts for a `Time`.
const TIME_SIZE: usize = 14;

pub(super) fn handle(events: &mut EventBridge, cx: &mut Context<'_>, request: &Request) -> Response {
    json::respond(Members::parse(&request.body).and_then(|members| match json::operation(request) {
        "PutEvents" => put_events(events, cx, &members),
        other => Err(json::unknown(other, "EventBridge")),
    }))
}

fn put_events(events: &mut EventBridge, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["Entries"])?;
    let entries = members.list("Entries")?.ok_or_else(|| constraint("entries", "not be null"))?;
    match entries.len() {
        0 => return Err(constraint("entries", "have length greater than or equal to 1")),
        1..=10 => {}
        _ => return Err(constraint("entries", "have length less than or equal to 10")),
    }
    let entries = entries.iter().map(Entry::parse).collect::<Result<Vec<_>, _>>()?;
    if entries.iter().map(|entry| entry.size).sum::<usize>() > events.size_limit {
        return Err(invalid("Total size of the entries in the request is over the limit."));
    }
    let complete =
        |entry: &Entry| entry.source.is_some() && entry.detail_type.is_some() && entry.detail.is_some();
    if !entries.iter().any(complete) {
        return Err(invalid("no entry has each of Source, DetailType and Detail"));
    }
    let mut answers = Vec::new();
    let mut failed = 0;
    for entry in entries {
        answers.push(match entry.event(cx) {
            Ok(event) => {
                let answer = json!({"EventId": event.id});
                events.take(event, cx.config.forgetful);
                answer
            }
            Err((code, message)) => {
                failed += 1;
                json!({"ErrorCode": code, "ErrorMessage": message})
            }
        });
    }
    Ok(json!({"FailedEntryCount": failed, "Entries": answers}))
}

/// What is wrong with one entry: a code and a message.
type Problem = (&'static str, String);

/// One entry of a request, in the right shape; its content may still be wrong.
struct Entry {
    time: Option<f64>,
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    resources: Vec<String>,
    bus: Option<String>,
    size: usize,
}

impl Entry {
    fn parse(value: &Value) -> Result<Self, Response> {
        let members = Members::of(value, "Entries")?;
        members.only(&ENTRY)?;
        let time = match members.0.get("Time") {
            None => None,
            Some(Value::Number(number)) => number.as_f64(),
            Some(_) => return Err(json::error("SerializationException", "Time must be a number")),
        };
        let text = |name: &str| -> Result<Option<String>, Response> {
            // An empty text is as good as none.
            let text = members.text(name, 0, usize::MAX)?.filter(|text| !text.is_empty());
            Ok(text.map(str::to_owned))
        };
        let (source, detail_type, detail) = (text("Source")?, text("DetailType")?, text("Detail")?);
        let resources: Vec<String> =
            members.texts("Resources", 0, 2048)?.into_iter().map(str::to_owned).collect();
        let bus = members.text("EventBusName", 1, 1600)?.map(str::to_owned);
        let texts = [&source, &detail_type, &detail].into_iter().flatten().chain(&resources);
        let size = texts.map(String::len).sum::<usize>() + time.map_or(0, |_| TIME_SIZE);
        Ok(Self { time, source, detail_type, detail, resources, bus, size })
    }

    fn event(self, cx: &mut Context<'_>) -> Result<Event, Problem> {
        let missing = |name: &str| {
            let message = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
            ("InvalidArgument", message)
        };
        let source = self.source.ok_or_else(|| missing("Source"))?;
        let detail_type = self.detail_type.ok_or_else(|| missing("DetailType"))?;
        let detail = self.detail.ok_or_else(|| missing("Detail"))?;
        if source.starts_with("aws.") {
            return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned()));
        }
        if detail_type.chars().count() > 128 {
            let reason = "Parameter DetailType is not valid. Reason: it is longer than 128 characters.";
            return Err(("InvalidArgument", reason.to_owned()));
        }
        let Ok(detail) = serde_json::from_str::<Map<String, Value>>(&detail) else {
            return Err(("MalformedDetail", "Detail is malformed.".to_owned()));
        };
        let bus = bus_name(cx.config, self.bus.as_deref().unwrap_or("default"))
            .ok_or_else(|| ("InvalidArgument", "Parameter EventBusName is not valid.".to_owned()))?;
        let time = match self.time {
            None => cx.now,
            Some(seconds) => DateTime::from_timestamp_millis((seconds * 1000.0) as i64)
                .ok_or_else(|| ("InvalidArgument", "Parameter Time is not valid.".to_owned()))?,
        };
        Ok(Event {
            id: cx.rng.uuid(),
            at: cx.now,
            time,
            source,
            detail_type,
            detail: Value::Object(detail),
            resources: self.resources,
            bus,
            principal: cx.principal.to_owned(),
        })
    }
}

/// The name of a bus of this account, given as a name or an ARN. A bus elsewhere keeps its ARN as its name.
fn bus_name(config: &Config, given: &str) -> Option<String> {
    let Config { partition, region, account, .. } = config;
    let ours = format!("arn:{partition}:events:{region}:{account}:event-bus/");
    let name = given.strip_prefix(&ours).unwrap_or(given);
    let plain = name.rsplit(":event-bus/").next().unwrap_or(name);
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (!plain.is_empty() && plain.bytes().all(good)).then(|| name.to_owned())
}
