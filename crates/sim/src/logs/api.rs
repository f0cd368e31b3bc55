//! The API of CloudWatch Logs, as the wire carries it.

use serde_json::{Value, json};

use super::pattern::Pattern;
use super::{Line, Logs};
use crate::http::{Request, Response};
use crate::json::{self, Answer, Members, constraint, error};

/// The most events of one answer.
const MOST: usize = 10_000;

pub(super) fn handle(logs: &Logs, request: &Request) -> Response {
    json::respond(Members::parse(&request.body).and_then(|members| match json::operation(request) {
        "FilterLogEvents" => filter(logs, &members),
        other => Err(json::unknown(other, "CloudWatch Logs")),
    }))
}

fn filter(logs: &Logs, members: &Members) -> Answer {
    members.only(&[
        "logGroupName",
        "logGroupIdentifier",
        "logStreamNames",
        "logStreamNamePrefix",
        "startTime",
        "endTime",
        "filterPattern",
        "nextToken",
        "limit",
        "interleaved",
    ])?;
    members.boolean("interleaved")?;
    let group = match (members.text("logGroupName", 1, 512)?, members.text("logGroupIdentifier", 1, 2048)?) {
        (Some(name), None) => name,
        // A name, or an ARN that ends with one.
        (None, Some(identifier)) => {
            identifier.rsplit(":log-group:").next().unwrap_or_default().trim_end_matches(":*")
        }
        _ => return Err(constraint("logGroupName", "be given, or logGroupIdentifier, and not both")),
    };
    let missing = || error("ResourceNotFoundException", "The specified log group does not exist.");
    let mut lines = logs.lines(group).ok_or_else(missing)?;
    // AWS shows events by their time.
    lines.sort_by_key(|line| line.at);
    let pattern = Pattern::read(members.text("filterPattern", 0, 1024)?.unwrap_or_default())
        .map_err(|message| error("InvalidParameterException", &message))?;
    let streams = members.texts("logStreamNames", 1, 512)?;
    let prefix = members.text("logStreamNamePrefix", 1, 512)?;
    let (from, to) = (members.integer("startTime")?, members.integer("endTime")?);
    let fits = |line: &Line| {
        let at = line.at.timestamp_millis();
        from.is_none_or(|from| at >= from)
            && to.is_none_or(|to| at <= to)
            && (streams.is_empty() || streams.contains(&line.stream.as_str()))
            && prefix.is_none_or(|prefix| line.stream.starts_with(prefix))
            && pattern.fits(&line.message)
    };
    let most = members.page_size("limit", MOST, MOST)?;
    let skipped = match members.text("nextToken", 1, 2048)? {
        None => 0,
        Some(token) => {
            let wrong = || error("InvalidParameterException", "The specified nextToken is invalid.");
            token.parse().map_err(|_| wrong())?
        }
    };
    let found: Vec<(usize, &Line)> = lines.iter().enumerate().filter(|(_, line)| fits(line)).collect();
    let events: Vec<Value> =
        found.iter().skip(skipped).take(most).map(|(number, line)| event(*number, line)).collect();
    let mut answer = json!({ "events": events, "searchedLogStreams": [] });
    if found.len() > skipped + most {
        answer["nextToken"] = json!((skipped + most).to_string());
    }
    Ok(answer)
}

fn event(number: usize, line: &Line) -> Value {
    let at = line.at.timestamp_millis();
    json!({
        "eventId": format!("{at:020}{number:036}"),
        "ingestionTime": at,
        "logStreamName": line.stream,
        "message": line.message,
        "timestamp": at,
    })
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use serde_json::{Value, json};

    use super::super::Line;
    use crate::{Config, World};

    fn world() -> World {
        let world = World::new(Config::default());
        let sink = world.logs.sink();
        for (minute, stream, message) in [
            (2, "b", r#"{"level":"WARN","n":{"x":2}}"#),
            (0, "a", "plain words"),
            (1, "a", r#"{"level":"INFO"}"#),
        ] {
            let line = Line {
                at: world.now() + Duration::minutes(minute),
                stream: stream.to_owned(),
                message: message.to_owned(),
            };
            sink.put("group", line);
        }
        sink.create_group("empty");
        world
    }

    fn messages(world: &mut World, more: Value) -> (Vec<String>, Value) {
        let mut body = json!({"logGroupName": "group"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let response = world.call_json_as("AKIAADA", "Logs_20140328.FilterLogEvents", &body);
        let answer: Value = serde_json::from_slice(&response.body).unwrap();
        let events = answer["events"].as_array().into_iter().flatten();
        (events.map(|event| event["message"].as_str().unwrap().to_owned()).collect(), answer)
    }

    #[test]
    fn events_come_by_time_page_by_page_and_as_they_are_asked_for() {
        let mut world = world();
        let start = world.now().timestamp_millis();
        let (all, answer) = messages(&mut world, json!({}));
        assert_eq!(all[0], "plain words");
        assert!(all[2].contains("WARN"), "{all:?}");
        assert_eq!(answer["events"][1]["timestamp"], start + 60_000);
        let mut count = |more: Value| messages(&mut world, more).0.len();
        assert_eq!(count(json!({"startTime": start + 60_000})), 2);
        assert_eq!(count(json!({"endTime": start + 60_000})), 2);
        assert_eq!(count(json!({"logStreamNames": ["a"]})), 2);
        assert_eq!(count(json!({"logStreamNamePrefix": "b"})), 1);
        assert_eq!(count(json!({"filterPattern": "plain"})), 1);
        assert_eq!(count(json!({"filterPattern": "{ $.n.x = 2 }"})), 1);
        assert_eq!(count(json!({"logGroupName": "empty"})), 0);
        let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:group";
        assert_eq!(count(json!({"logGroupName": null, "logGroupIdentifier": arn})), 3);
        let (first, answer) = messages(&mut world, json!({"limit": 2}));
        let (second, rest) = messages(&mut world, json!({"limit": 2, "nextToken": answer["nextToken"]}));
        assert_eq!((first.len(), second.len(), rest.get("nextToken")), (2, 1, None));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let mut world = world();
        for (more, says) in [
            (json!({"logGroupName": "none"}), "ResourceNotFoundException"),
            (json!({"filterPattern": "{ $.x = "}), "InvalidParameterException"),
            (json!({"nextToken": "x"}), "InvalidParameterException"),
            (json!({"unmask": true}), "not simulated"),
            (json!({"limit": 10_001}), "less than or equal to 10000"),
        ] {
            let (_, answer) = messages(&mut world, more);
            assert!(answer.to_string().contains(says), "{says}: {answer}");
        }
        let answer = world.call_json_as("AKIAADA", "Logs_20140328.GetLogEvents", &json!({}));
        assert!(String::from_utf8(answer.body).unwrap().contains("not simulated"));
    }
}
