//! The manager's stack in a simulated account: the real template, deployed by the simulated CloudFormation, over what the
//! simulation has made by hand.

use std::collections::BTreeMap;

use aurora_clone_sim::World;
use aurora_clone_sim::cloudformation::{StackOptions, read_template};
use serde_json::{Value, json};

use crate::failure::Failure;

/// The manager's template.
pub const TEMPLATE: &str = include_str!("../../../../template/template.yaml");

/// Who deploys the stack, by the access key id.
const DEPLOYER: &str = "AKIADEPLOYER";
/// The key for passwords, in the template.
const KEY: &str = "DefaultAccessKey";

/// The stack of a manager.
#[derive(Debug, Clone, Copy)]
pub struct ManagerStack<'a> {
    /// Its name, which is the manager's.
    pub name: &'a str,
    /// Parameters that are not at their defaults.
    pub parameters: &'a [(&'a str, &'a str)],
    /// What stands behind a resource: logical ids, and the names of what was made by hand.
    pub made: &'a [(&'a str, &'a str)],
}

impl ManagerStack<'_> {
    /// Creates the stack and waits, in the World's time, until it is complete. The key for passwords is made on the way; its ARN is
    /// returned where the parameters ask for one.
    pub fn deploy(&self, world: &mut World) -> Result<Option<String>, Failure> {
        for (logical_id, name) in self.made {
            world.cloudformation.foretell(self.name, logical_id, name);
        }
        let parameters: BTreeMap<String, String> =
            self.parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let own_key = self.makes_a_key().then(|| create_key(world)).transpose()?;
        if let Some((id, _)) = &own_key {
            world.cloudformation.foretell(self.name, KEY, id);
        }
        let options =
            StackOptions { capabilities: vec!["CAPABILITY_IAM".to_owned()], ..StackOptions::default() };
        let created = world.settle(|services, cx| {
            services.cloudformation.create_stack(cx, self.name, TEMPLATE, &parameters, &options)
        });
        created.map_err(|error| Failure::new(format!("the stack {} is refused: {error}", self.name)))?;
        while let Some(due) = world.next_due().filter(|_| !world.cloudformation.is_settled(self.name)) {
            world.advance_to(due);
        }
        let stack = world.cloudformation.stack(self.name);
        match stack.map(|stack| (stack.status.as_str(), stack.reason.as_deref())) {
            Some(("CREATE_COMPLETE", _)) => Ok(own_key.map(|(_, arn)| arn)),
            status => Err(Failure::new(format!("the stack {} is {status:?}", self.name))),
        }
    }

    fn makes_a_key(&self) -> bool {
        let given =
            |name: &str| self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        given("SetupDefaultAccess").unwrap_or("true") == "true"
            && given("DefaultPasswordSecretKmsKeyId").unwrap_or_default().is_empty()
    }

    /// The environment of the functions, as the template makes it of the parameters: what is a parameter, and the stack's name.
    pub fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        let template = read_template(TEMPLATE).map_err(|error| Failure::new(error.to_string()))?;
        let variables = &template["Resources"]["CloneHandler"]["Properties"]["Environment"]["Variables"];
        let variables = variables.as_object().into_iter().flatten();
        let value = |name: &str| {
            let given = self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            let default = || template["Parameters"][name]["Default"].as_str();
            given.or_else(default).map(str::to_owned)
        };
        let variables = variables.filter_map(|(variable, reference)| {
            let name = reference["Ref"].as_str()?;
            let value = if name == "AWS::StackName" { Some(self.name.to_owned()) } else { value(name) };
            Some((variable.clone(), value?))
        });
        Ok(variables.collect())
    }
}

/// A key with the policy that KMS gives one by default: its id and its ARN.
fn create_key(world: &mut World) -> Result<(String, String), Failure> {
    let body = json!({ "Description": "The passwords of clones" });
    let response = world.call_json_as(DEPLOYER, "TrentService.CreateKey", &body);
    let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let text = |name: &str| answer["KeyMetadata"][name].as_str().map(str::to_owned);
    let made = text("KeyId").zip(text("Arn"));
    made.ok_or_else(|| Failure::new(format!("the simulated KMS makes no key: {answer}")))
}
