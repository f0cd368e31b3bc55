//! The roles of the template, as an account would have them: with every reference filled in, by what stands for it in the simulated
//! account. The flows run with these and nothing more.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use aurora_clone_sim::Config;
use aurora_clone_sim::cloudformation::read_template;
use aurora_clone_sim::iam::Role;
use serde_json::{Map, Value, json};

use crate::pools::MAINTAINER;
use crate::{FUNCTION, LAST_RESORT, MANAGER, Operator, TABLE};

/// The handler's role, by its logical id.
pub const HANDLER_ROLE: &str = "CloneHandlerRole";
/// The maintainer's role, by its logical id.
pub const MAINTAINER_ROLE: &str = "PoolMaintainerRole";

/// The role of the last resort, by its logical id.
pub const LAST_RESORT_ROLE: &str = "LastResortRole";

/// The template, with its intrinsics in their long form.
pub fn template() -> &'static Value {
    static TEMPLATE: OnceLock<Value> = OnceLock::new();
    TEMPLATE.get_or_init(|| read_template(include_str!("../../template/template.yaml")).unwrap())
}

/// What the references of the template stand for.
#[derive(Debug, Clone)]
pub struct Names {
    /// Pseudo parameters and parameters: a text, or a list of them.
    values: BTreeMap<String, Value>,
    table: String,
}

impl Names {
    /// Those of an account whose operator has set something, by the names of the function's environment.
    pub fn new(config: &Config, operator: Operator<'_>) -> Self {
        let parameters = template()["Parameters"].as_object().unwrap();
        let defaults = parameters.iter().map(|(name, parameter)| {
            let list = parameter["Type"] == "CommaDelimitedList";
            (name.clone(), parameter_value(list, parameter["Default"].as_str().unwrap_or_default()))
        });
        let suffix = if config.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        let mut names = Self { values: defaults.collect(), table: TABLE.to_owned() };
        for (name, value) in [
            ("AWS::Partition", config.partition.as_str()),
            ("AWS::Region", &config.region),
            ("AWS::AccountId", &config.account),
            ("AWS::URLSuffix", suffix),
            ("AWS::StackName", MANAGER),
        ] {
            names.set(name, value);
        }
        let variables = &template()["Resources"]["CloneHandler"]["Properties"]["Environment"]["Variables"];
        for (variable, value) in operator {
            if let Some(name) = variables[variable]["Ref"].as_str() {
                names.set(name, value);
            }
        }
        names
    }

    /// Sets a parameter, or a pseudo parameter such as `AWS::StackName`.
    pub fn set(&mut self, name: &str, value: &str) {
        let list = matches!(self.values.get(name), Some(Value::Array(_)));
        self.values.insert(name.to_owned(), parameter_value(list, value));
    }

    /// Names the manager, and its table.
    #[must_use]
    pub fn of_manager(mut self, manager: &str, table: &str) -> Self {
        self.set("AWS::StackName", manager);
        table.clone_into(&mut self.table);
        self
    }

    /// The manager's name.
    pub fn manager(&self) -> &str {
        self.text("AWS::StackName")
    }

    fn text(&self, name: &str) -> &str {
        self.values.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no text for {name}"))
    }

    fn arn(&self, service: &str, rest: &str) -> String {
        let [partition, region, account] =
            ["AWS::Partition", "AWS::Region", "AWS::AccountId"].map(|name| self.text(name));
        format!("arn:{partition}:{service}:{region}:{account}:{rest}")
    }

    /// `Fn::GetAtt` of a resource's ARN.
    fn resource_arn(&self, id: &str) -> String {
        match template()["Resources"][id]["Type"].as_str().unwrap_or_default() {
            "AWS::DynamoDB::Table" => self.arn("dynamodb", &format!("table/{}", self.table)),
            "AWS::Lambda::Function" => {
                let name = match id {
                    "CloneHandler" => FUNCTION,
                    "PoolMaintainer" => MAINTAINER,
                    "LastResort" => LAST_RESORT,
                    other => other,
                };
                self.arn("lambda", &format!("function:{name}"))
            }
            "AWS::Logs::LogGroup" => {
                self.arn("logs", &format!("log-group:{}-{id}-ABCDEFGHIJKL:*", self.manager()))
            }
            "AWS::KMS::Key" => self.arn("kms", &format!("key/of-{id}")),
            kind => panic!("no ARN is known of {id}, {kind}"),
        }
    }

    /// A value with every reference filled in; `None` for `AWS::NoValue`.
    pub fn resolved(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => Some(items.iter().filter_map(|item| self.resolved(item)).collect()),
            Value::Object(members) => match members.iter().next() {
                Some((key, argument)) if members.len() == 1 && (key == "Ref" || key.starts_with("Fn::")) => {
                    self.intrinsic(key, argument)
                }
                _ => {
                    let members = members.iter();
                    let members =
                        members.filter_map(|(key, value)| Some((key.clone(), self.resolved(value)?)));
                    Some(members.collect::<Map<_, _>>().into())
                }
            },
            scalar => Some(scalar.clone()),
        }
    }

    fn intrinsic(&self, name: &str, argument: &Value) -> Option<Value> {
        match (name, argument) {
            ("Ref", Value::String(name)) if name == "AWS::NoValue" => None,
            ("Ref", Value::String(name)) => {
                let value = self.values.get(name);
                Some(value.unwrap_or_else(|| panic!("nothing is known of {name}")).clone())
            }
            ("Fn::Sub", Value::String(text)) => {
                let mut parts = text.split("${");
                let mut done = parts.next().unwrap_or_default().to_owned();
                for part in parts {
                    let (name, rest) = part.split_once('}').unwrap();
                    done = done + self.text(name) + rest;
                }
                Some(done.into())
            }
            ("Fn::GetAtt", Value::Array(path)) if path[1] == "Arn" => {
                Some(self.resource_arn(path[0].as_str().unwrap()).into())
            }
            ("Fn::If", Value::Array(branches)) => {
                let condition = &template()["Conditions"][branches[0].as_str().unwrap()];
                self.resolved(if self.holds(condition) { &branches[1] } else { &branches[2] })
            }
            ("Fn::Join", Value::Array(join)) => {
                let items = self.resolved(&join[1])?;
                let items: Vec<&str> =
                    items.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect();
                Some(items.join(join[0].as_str().unwrap()).into())
            }
            _ => panic!("{name} of {argument} is not known here"),
        }
    }

    fn holds(&self, condition: &Value) -> bool {
        let (name, arguments) = condition.as_object().unwrap().iter().next().unwrap();
        if let Some(other) = arguments.as_str() {
            return self.holds(&template()["Conditions"][other]);
        }
        let arguments = arguments.as_array().unwrap();
        match name.as_str() {
            "Fn::And" => arguments.iter().all(|argument| self.holds(argument)),
            "Fn::Or" => arguments.iter().any(|argument| self.holds(argument)),
            "Fn::Not" => !self.holds(&arguments[0]),
            "Fn::Equals" => self.resolved(&arguments[0]) == self.resolved(&arguments[1]),
            other => panic!("the condition {other} is not known here"),
        }
    }
}

fn parameter_value(list: bool, text: &str) -> Value {
    if list { text.split(',').map(str::trim).collect() } else { json!(text) }
}

/// The policy documents of a role of the template: of its managed policies, and its own.
pub fn documents(role: &str, names: &Names) -> Vec<Value> {
    let resources = &template()["Resources"];
    let properties = &resources[role]["Properties"];
    let list = |name: &str| properties[name].as_array().into_iter().flatten();
    let managed = list("ManagedPolicyArns").map(|arn| {
        let id = arn["Ref"].as_str().unwrap_or_else(|| panic!("{role} has {arn}, which is none of ours"));
        &resources[id]["Properties"]["PolicyDocument"]
    });
    let own = list("Policies").map(|policy| &policy["PolicyDocument"]);
    managed.chain(own).map(|document| names.resolved(document).unwrap()).collect()
}

/// A role of the template.
pub fn role(role: &str, names: &Names) -> Arc<Role> {
    Arc::new(Role::parse(role, &documents(role, names)).unwrap())
}
