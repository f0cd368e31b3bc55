//! The identity policies of the template, read as IAM reads them: enough to ask what a role may do with one resource.

use std::collections::BTreeMap;

use aurora_clone_sim::cloudformation::read_template;
use serde_json::{Map, Value};

/// What the template's references stand for here. The manager's name is that of the simulated account's.
const NAMES: [(&str, &str); 7] = [
    ("AWS::Partition", "aws"),
    ("AWS::Region", "eu-west-1"),
    ("AWS::AccountId", "123456789012"),
    ("AWS::URLSuffix", "amazonaws.com"),
    ("AWS::StackName", aurora_clone_tests::MANAGER),
    ("NamePrefix", "clone-"),
    ("DefaultSecretPrefix", "/aurora-clone-manager/"),
];

/// The template, with its intrinsics in their long form.
pub fn template() -> Value {
    read_template(include_str!("../../../template/template.yaml")).unwrap()
}

/// A value with every reference filled in; what refers to another resource becomes a text of the length that such an ARN has.
pub fn resolved(value: &Value, names: &[(&str, &str)]) -> Value {
    match value {
        Value::Object(map) => match map.iter().next() {
            Some((key, Value::String(text))) if map.len() == 1 && (key == "Fn::Sub" || key == "Ref") => {
                let text = if key == "Ref" { format!("${{{text}}}") } else { text.clone() };
                names
                    .iter()
                    .fold(text, |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
                    .into()
            }
            Some((key, Value::Array(parts))) if key == "Fn::GetAtt" => format!(
                "arn:aws:service:eu-west-1:123456789012:of/{}-ABCDEFGHIJKL",
                parts[0].as_str().unwrap()
            )
            .into(),
            Some((key, Value::Array(parts))) if key == "Fn::If" => resolved(&parts[1], names),
            _ => map
                .iter()
                .map(|(key, value)| (key.clone(), resolved(value, names)))
                .collect::<Map<_, _>>()
                .into(),
        },
        Value::Array(items) => items.iter().map(|item| resolved(item, names)).collect(),
        scalar => scalar.clone(),
    }
}

/// One statement of a role, without its name: IAM does not go by it.
#[derive(Debug, Clone)]
pub struct Statement {
    pub allows: bool,
    pub actions: Vec<String>,
    resources: Vec<String>,
    spared: Vec<String>,
    conditions: Vec<(String, String, Vec<String>)>,
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        Some(one) => vec![one.as_str().unwrap().to_owned()],
        None => Vec::new(),
    }
}

/// Every statement that a role of the template has, those of its managed policies included.
pub fn statements(template: &Value, role: &str) -> Vec<Statement> {
    let properties = &template["Resources"][role]["Properties"];
    let managed = properties["ManagedPolicyArns"].as_array().unwrap().iter();
    let managed = managed.map(|arn| &template["Resources"][arn["Ref"].as_str().unwrap()]["Properties"]);
    let inline = properties["Policies"].as_array().unwrap().iter();
    let all =
        managed.chain(inline).flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    all.map(|statement| {
        let statement = resolved(statement, &NAMES);
        let conditions = statement["Condition"].as_object().into_iter().flatten();
        Statement {
            allows: statement["Effect"] == "Allow",
            actions: texts(statement.get("Action")),
            resources: texts(statement.get("Resource")),
            spared: texts(statement.get("NotResource")),
            conditions: conditions
                .flat_map(|(operator, keys)| {
                    let keys = keys.as_object().unwrap().iter();
                    keys.map(|(key, values)| (operator.clone(), key.to_lowercase(), texts(Some(values))))
                })
                .collect(),
        }
    })
    .collect()
}

/// Whether IAM lets a request through: an Allow that fits, and no Deny. The context's keys are in small letters.
pub fn allowed(statements: &[Statement], action: &str, arn: &str, context: &[(&str, &[&str])]) -> bool {
    let context: BTreeMap<&str, &[&str]> = context.iter().copied().collect();
    let fits = |statement: &&Statement| {
        let any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| is_like(pattern, text));
        let about = if statement.spared.is_empty() {
            any(&statement.resources, arn)
        } else {
            !any(&statement.spared, arn)
        };
        let met = |(operator, key, values): &(String, String, Vec<String>)| {
            is_met(operator, context.get(key.as_str()).copied(), values)
        };
        about && any(&statement.actions, action) && statement.conditions.iter().all(met)
    };
    let (allowing, denying): (Vec<_>, Vec<_>) =
        statements.iter().filter(fits).partition(|statement| statement.allows);
    !allowing.is_empty() && denying.is_empty()
}

fn is_met(operator: &str, actual: Option<&[&str]>, values: &[String]) -> bool {
    let given = actual.unwrap_or_default();
    let equal = |text: &&str| values.iter().any(|value| value == text);
    match operator {
        "Null" => (values[0] == "true") == actual.is_none(),
        "StringEquals" | "Bool" => given.iter().any(&equal),
        "StringNotEquals" => !given.iter().any(&equal),
        "ForAllValues:StringEquals" => given.iter().all(equal),
        "ForAnyValue:StringEqualsIgnoreCase" => {
            given.iter().any(|text| values.iter().any(|value| value.eq_ignore_ascii_case(text)))
        }
        "ForAnyValue:StringNotLike" => {
            given.iter().any(|text| !values.iter().any(|value| is_like(value, text)))
        }
        other => panic!("the test does not know {other}"),
    }
}

/// Whether a text fits a pattern with `*`.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && is_like(tail, &rest[at..]))
        }),
    }
}

#[test]
fn the_reading_of_policies_fails_where_it_should() {
    assert!(is_like("a:*b*", "a:xbx") && !is_like("a:*b", "a:xbx") && !is_like("a", "ab"));
    let ours = ["manager".to_owned()];
    assert!(is_met("StringEquals", Some(&["manager"]), &ours) && !is_met("StringEquals", None, &ours));
    assert!(is_met("StringNotEquals", None, &ours) && !is_met("StringNotEquals", Some(&["manager"]), &ours));
    assert!(is_met("Null", None, &["true".to_owned()]) && !is_met("Null", None, &["false".to_owned()]));
}
