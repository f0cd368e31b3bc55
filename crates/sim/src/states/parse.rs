//! Reading a definition, strictly: what is not understood is refused before anything runs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::choice::Rule;
use super::definition::{Catcher, Kind, Machine, Retrier, Selection, State, Task, WaitFor};
use super::fields::Fields;
use super::path::Path;
use super::template::Template;

const KNOWN_ERRORS: [&str; 9] = [
    "States.ALL",
    "States.DataLimitExceeded",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.Permissions",
    "States.ResultPathMatchFailure",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
];

/// The text with every `${Name}` replaced. One that nobody defines is an error.
pub(super) fn substitute(text: &str, substitutions: &[(&str, &str)]) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) =
            after.split_once('}').ok_or_else(|| "a substitution ${ without its }".to_owned())?;
        let value = substitutions.iter().find(|(key, _)| *key == name);
        let value = value.ok_or_else(|| format!("no substitution for ${{{name}}}"))?.1;
        result.push_str(before);
        result.push_str(value);
        rest = after;
    }
    result.push_str(rest);
    Ok(result)
}

/// The identity of a machine that is being read.
pub(super) struct Identity<'a> {
    pub(super) partition: &'a str,
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) role_arn: String,
}

/// Reads and checks a definition.
pub(super) fn machine(identity: Identity<'_>, definition: &str) -> Result<Machine, String> {
    let value: Value =
        serde_json::from_str(definition).map_err(|error| format!("the definition is no JSON: {error}"))?;
    let mut fields = Fields::new("the state machine".to_owned(), &value)?;
    fields.text("Comment")?;
    for (name, only) in [("Version", "1.0"), ("QueryLanguage", "JSONPath")] {
        if let Some(other) = fields.text(name)?.filter(|text| text != only) {
            return Err(format!("not simulated: {name} {other:?}"));
        }
    }
    let start_at = fields.required("StartAt")?;
    let timeout = fields.seconds("TimeoutSeconds", 1)?;
    let listed = fields.take("States");
    let listed = listed.as_ref().and_then(Value::as_object).filter(|states| !states.is_empty());
    let listed = listed.ok_or_else(|| fields.wrong("States", "must be an object with states"))?;
    fields.finish()?;
    let mut states = BTreeMap::new();
    for (name, value) in listed {
        if name.is_empty() || name.chars().count() > 80 {
            return Err(format!("a state's name has 1 to 80 characters: {name:?}"));
        }
        states.insert(name.clone(), state(identity.partition, name, value)?);
    }
    check_transitions(&start_at, &states)?;
    let Identity { arn, name, role_arn, .. } = identity;
    Ok(Machine { arn, name, role_arn, start_at, timeout, states })
}

/// Every transition leads to a state, and every state is reached.
fn check_transitions(start_at: &str, states: &BTreeMap<String, State>) -> Result<(), String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![("StartAt", start_at)];
    while let Some((from, name)) = open.pop() {
        let (name, state) = states
            .get_key_value(name)
            .ok_or_else(|| format!("{from} leads to {name:?}, which does not exist"))?;
        if !reached.insert(name.as_str()) {
            continue;
        }
        let mut targets: Vec<&str> = state.next.iter().map(String::as_str).collect();
        match &state.kind {
            Kind::Task(task) => targets.extend(task.catch.iter().map(|catcher| catcher.next.as_str())),
            Kind::Choice { rules, default } => {
                targets.extend(rules.iter().map(|(_, next)| next).chain(default).map(String::as_str));
            }
            _ => {}
        }
        open.extend(targets.into_iter().map(|target| (name.as_str(), target)));
    }
    match states.keys().find(|name| !reached.contains(name.as_str())) {
        Some(name) => Err(format!("the state {name:?} is not reachable")),
        None => Ok(()),
    }
}

fn state(partition: &str, name: &str, value: &Value) -> Result<State, String> {
    let mut fields = Fields::new(format!("state {name:?}"), value)?;
    fields.text("Comment")?;
    let kind = fields.required("Type")?;
    let state = match kind.as_str() {
        "Fail" => {
            let error = fields.text("Error")?.unwrap_or_default();
            let cause = fields.text("Cause")?.unwrap_or_default();
            let all = || Path::parse("$").map(Selection::At);
            State { input_path: all()?, output_path: all()?, kind: Kind::Fail { error, cause }, next: None }
        }
        "Task" | "Pass" | "Wait" | "Choice" | "Succeed" => {
            let input_path = fields.selection("InputPath")?;
            let output_path = fields.selection("OutputPath")?;
            let next =
                if matches!(kind.as_str(), "Choice" | "Succeed") { None } else { fields.transition()? };
            let kind = match kind.as_str() {
                "Task" => Kind::Task(task(partition, &mut fields)?),
                "Pass" => Kind::Pass {
                    result: fields.take("Result"),
                    parameters: fields.template("Parameters")?,
                    result_path: fields.result_path()?,
                },
                "Wait" => Kind::Wait(wait(&mut fields)?),
                "Choice" => choice(&mut fields)?,
                _ => Kind::Succeed,
            };
            State { input_path, output_path, kind, next }
        }
        other => return Err(format!("not simulated: {}: Type {other:?}", fields.place())),
    };
    fields.finish()?;
    Ok(state)
}

fn task(partition: &str, fields: &mut Fields) -> Result<Task, String> {
    let resource = fields.required("Resource")?;
    if resource != format!("arn:{partition}:states:::lambda:invoke") {
        return Err(format!("not simulated: {}: Resource {resource:?}", fields.place()));
    }
    let parameters =
        fields.template("Parameters")?.ok_or_else(|| fields.wrong("Parameters", "is missing"))?;
    let Template::Object(given) = &parameters else {
        return Err(fields.wrong("Parameters", "must be an object"));
    };
    let names: BTreeSet<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
    if names != BTreeSet::from(["FunctionName", "Payload"]) {
        return Err(format!(
            "not simulated: {}: Parameters other than FunctionName and Payload: {names:?}",
            fields.place()
        ));
    }
    Ok(Task {
        selector: fields.template("ResultSelector")?,
        result_path: fields.result_path()?,
        timeout: fields.seconds("TimeoutSeconds", 1)?,
        retry: fields.list("Retry", retrier)?,
        catch: fields.list("Catch", catcher)?,
        parameters,
    })
}

fn retrier(fields: &mut Fields, last: bool) -> Result<Retrier, String> {
    let errors = error_names(fields, last)?;
    let interval = fields.seconds("IntervalSeconds", 1)?.unwrap_or(1);
    let max_attempts = fields.seconds("MaxAttempts", 0)?.unwrap_or(3);
    let backoff = match fields.take("BackoffRate") {
        Some(rate) => rate.as_f64().filter(|rate| *rate >= 1.0),
        None => Some(2.0),
    };
    let backoff = backoff.ok_or_else(|| fields.wrong("BackoffRate", "must be a number from 1.0"))?;
    let max_delay = fields.seconds("MaxDelaySeconds", 1)?;
    if max_delay.is_some_and(|delay| delay <= interval || delay >= 31_622_400) {
        return Err(fields.wrong("MaxDelaySeconds", "must exceed IntervalSeconds and be below 31622400"));
    }
    let jitter = match fields.text("JitterStrategy")?.as_deref() {
        Some("FULL") => true,
        Some("NONE") | None => false,
        Some(_) => return Err(fields.wrong("JitterStrategy", "must be FULL or NONE")),
    };
    Ok(Retrier { errors, interval, max_attempts, backoff, max_delay, jitter })
}

fn catcher(fields: &mut Fields, last: bool) -> Result<Catcher, String> {
    let errors = error_names(fields, last)?;
    Ok(Catcher { errors, result_path: fields.result_path()?, next: fields.required("Next")? })
}

/// `ErrorEquals`: known names, and the wildcard alone and last.
fn error_names(fields: &mut Fields, last: bool) -> Result<Vec<String>, String> {
    let value = fields.take("ErrorEquals").unwrap_or_default();
    let names = value.as_array().filter(|names| !names.is_empty()).map(|names| {
        names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
    });
    let names = names.flatten().ok_or_else(|| fields.wrong("ErrorEquals", "must be a list of names"))?;
    if names.iter().any(|name| name == "States.ALL") && !(last && names.len() == 1) {
        return Err(fields.wrong("ErrorEquals", "States.ALL must be alone, and in the last entry"));
    }
    let unknown = |name: &&String| name.starts_with("States.") && !KNOWN_ERRORS.contains(&name.as_str());
    match names.iter().find(unknown) {
        Some(name) => Err(format!("not simulated: {}: error name {name:?}", fields.place())),
        None => Ok(names),
    }
}

fn wait(fields: &mut Fields) -> Result<WaitFor, String> {
    let mut ways = Vec::new();
    if let Some(seconds) = fields.seconds("Seconds", 0)? {
        ways.push(WaitFor::Seconds(seconds));
    }
    if let Some(path) = fields.path("SecondsPath")? {
        ways.push(WaitFor::SecondsPath(path));
    }
    if let Some(text) = fields.text("Timestamp")? {
        let until = timestamp(&text).ok_or_else(|| fields.wrong("Timestamp", "is no timestamp"))?;
        ways.push(WaitFor::Until(until));
    }
    if let Some(path) = fields.path("TimestampPath")? {
        ways.push(WaitFor::UntilPath(path));
    }
    match (ways.pop(), ways.is_empty()) {
        (Some(way), true) => Ok(way),
        _ => Err(fields
            .wrong("Seconds", "exactly one of Seconds, SecondsPath, Timestamp, TimestampPath is needed")),
    }
}

fn choice(fields: &mut Fields) -> Result<Kind, String> {
    let rules = fields.list("Choices", |rule, _| {
        let next = rule.required("Next")?;
        Ok((Rule::parse(rule)?, next))
    })?;
    if rules.is_empty() {
        return Err(fields.wrong("Choices", "must be a list of rules"));
    }
    Ok(Kind::Choice { rules, default: fields.text("Default")? })
}

/// A moment in the profile that the language prescribes: RFC 3339 with capital T and Z or an offset.
pub(super) fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    let capitals = text.contains('T') && !text.contains(['z', ' ']);
    DateTime::parse_from_rfc3339(text).ok().filter(|_| capitals).map(|time| time.to_utc())
}
