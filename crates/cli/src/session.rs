//! AWS as a command sees it: the caller's credentials and region, and the manager whose stack is there.
//!
//! The operator's settings are the parameters of the manager's stack, so that a command decides exactly as the functions do.

use std::collections::BTreeMap;
use std::sync::Arc;

use aurora_clone_aws::cloud::{CallError, Clock, Cloud, Own, over};
use aurora_clone_aws::http;
use aurora_clone_aws::parameter;
use aurora_clone_core::arn::Place;
use aurora_clone_core::names::env;
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_core::settings::Settings;
use aws_config::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use aws_types::SdkConfig;
use aws_types::region::Region;
use chrono::Duration;
use clap::Args;

use crate::failure::Failure;
use crate::surroundings::{Reach, Surroundings};

/// Where AWS is, as the AWS CLI is told it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "AWS options")]
pub struct Aws {
    /// The profile of `~/.aws/config` and `~/.aws/credentials`.
    #[arg(long, env = "AWS_PROFILE", value_name = "NAME", hide_env_values = true)]
    pub profile: Option<String>,
    /// The region; else that of `AWS_REGION`, `AWS_DEFAULT_REGION` or the profile.
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// The endpoint of every service instead of AWS's own, as of `aurora-clone sim serve`; else that of `AWS_ENDPOINT_URL_<SERVICE>`,
    /// `AWS_ENDPOINT_URL` or the profile.
    // The variable is not read here: the SDK prefers a single service's to the one of all, and this option to both.
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// The manager's stack.
    #[arg(
        long,
        env = "AURORA_CLONE_STACK",
        value_name = "NAME",
        default_value = "aurora-clone-manager",
        hide_env_values = true
    )]
    pub stack: String,
}

/// The manager's stack.
#[derive(Debug, Clone)]
pub struct Manager {
    /// Its name, which is the manager's.
    pub name: String,
    /// Its id.
    pub stack_id: String,
    /// Its status.
    pub status: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

/// AWS, and the manager in it.
pub struct Session {
    /// The clients.
    pub cloud: Cloud,
    /// What other clients are made of, which only the command line uses.
    pub config: SdkConfig,
    /// The manager's stack.
    pub manager: Manager,
    /// The operator's settings.
    pub settings: Settings,
    /// Where the manager is.
    pub place: Place,
}

/// The configuration of clients and the connection that they share, before anything is asked.
pub async fn reach(aws: &Aws, around: &Surroundings) -> Result<(SdkConfig, SharedHttpConnector), Failure> {
    let (config, connector) = match &around.reach {
        Reach::Given(config, connector) => ((**config).clone(), connector.clone()),
        Reach::Environment => {
            let bundle = std::env::var(env::CA_BUNDLE).ok().filter(|path| !path.is_empty());
            let connector =
                http::connector(bundle.as_deref()).map_err(|error| Failure::new(error.to_string()))?;
            let shared = connector.clone();
            let mut loader = aws_config::defaults(BehaviorVersion::latest())
                .http_client(http_client_fn(move |_, _| shared.clone()));
            if let Some(profile) = &aws.profile {
                loader = loader.profile_name(profile);
            }
            if let Some(url) = &aws.endpoint_url {
                // By the loader, so that it counts more than a single service's variable, as with the AWS CLI.
                loader = loader.endpoint_url(url);
            }
            (loader.load().await, connector)
        }
    };
    let mut config = over(&config, &connector).into_builder();
    if let Some(region) = &aws.region {
        config.set_region(Some(Region::new(region.clone())));
    }
    let config = config.build();
    if config.region().is_none() {
        return Err(Failure::new("no region is named")
            .hint("give --region, set AWS_REGION, or run `aws configure set region eu-west-1`"));
    }
    Ok((config, connector))
}

impl Session {
    /// Finds the manager.
    pub async fn open(aws: &Aws, around: &Surroundings) -> Result<Self, Failure> {
        let (config, connector) = reach(aws, around).await?;
        let own =
            |table: String| Own { table, state_machine: String::new(), clock: Arc::clone(&around.clock) };
        let cloud = Cloud::with_config(&config, connector, own(String::new()));
        let manager = Manager::find(&cloud, &aws.stack).await?;
        let table = manager.resource(&cloud, "Table").await?;
        let place = Place::of_stack(&manager.stack_id)
            .map_err(|error| CallError::nonsense("DescribeStacks", error.to_string()))?;
        let settings = manager.settings()?;
        let http = cloud.http.clone();
        let own = Own { table, state_machine: String::new(), clock: by_aws(cloud) };
        let cloud = Cloud::with_config(&config, http, own);
        Ok(Self { cloud, config, manager, settings, place })
    }

    /// Who the caller is by STS's word: a user's ARN, or a role's, whose sessions have names of their own. Nothing depends on it.
    pub async fn caller(&self) -> Option<String> {
        let identity = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await.ok()?;
        identity.arn().map(role_of)
    }

    /// The maintenance configuration.
    pub async fn maintenance(&self) -> Result<Maintenance, Failure> {
        let name = self.manager.parameter();
        let text = parameter::read(&self.cloud, &name).await?;
        Maintenance::parse(&text, &self.settings).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Failure::new(format!("the maintenance configuration {name} is wrong: {}", problems.join("; ")))
                .hint("docs/pool.md describes it; nothing is maintained while it is wrong")
        })
    }
}

/// The role of a session: `arn:aws:sts::1:assumed-role/admin/me` is a session of `arn:aws:iam::1:role/admin`. Its path is not told.
pub fn role_of(arn: &str) -> String {
    let session = arn.split_once(":sts::").and_then(|(head, rest)| {
        let (account, role) = rest.split_once(":assumed-role/")?;
        Some(format!("{head}:iam::{account}:role/{}", role.split('/').next()?))
    });
    session.unwrap_or_else(|| arn.to_owned())
}

/// AWS's clock, by the latest answer's date. A lease in the table is compared with it, and a person's clock may be anything: one
/// that is ahead would take the leases of the functions from them.
fn by_aws(cloud: Cloud) -> Clock {
    Arc::new(move || {
        // AWS dates in whole seconds, and an answer takes its time.
        let skew = cloud.skew().filter(|skew| skew.abs() > Duration::seconds(2));
        cloud.now() + skew.unwrap_or_default()
    })
}

impl Manager {
    /// Asks CloudFormation for the manager's stack.
    pub async fn find(cloud: &Cloud, name: &str) -> Result<Self, Failure> {
        const OPERATION: &str = "DescribeStacks";
        let call = cloud.cloudformation.describe_stacks().stack_name(name).send().await;
        let output = call.map_err(|error| CallError::new(OPERATION, error)).map_err(|error| {
            if error.is("ValidationError") && error.message.contains("does not exist") {
                return Failure::new(format!("there is no stack {name:?} in this account and region")).hint(
                    "name the manager's stack with --stack or AURORA_CLONE_STACK, or deploy it: README.md, \"Deploy it\"",
                );
            }
            error.into()
        })?;
        let nonsense = |what: &str| CallError::nonsense(OPERATION, what);
        let stack = output.stacks().first().ok_or_else(|| nonsense("no stack"))?;
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let parameters = stack.parameters().iter();
        let outputs = stack.outputs().iter();
        let manager = Self {
            name: text(stack.stack_name()),
            stack_id: text(stack.stack_id()),
            status: text(stack.stack_status().map(|status| status.as_str())),
            parameters: parameters.map(|p| (text(p.parameter_key()), text(p.parameter_value()))).collect(),
            outputs: outputs.map(|o| (text(o.output_key()), text(o.output_value()))).collect(),
        };
        if !manager.parameters.contains_key("NamePrefix") || !manager.outputs.contains_key("LambdaArn") {
            return Err(Failure::new(format!("the stack {name:?} is not a manager's"))
                .hint("--stack names the stack that template/template.yaml made, not one with a clone"));
        }
        Ok(manager)
    }

    /// The physical id of a resource of the stack.
    pub async fn resource(&self, cloud: &Cloud, logical_id: &str) -> Result<String, Failure> {
        const OPERATION: &str = "DescribeStackResource";
        let call = cloud.cloudformation.describe_stack_resource().stack_name(&self.stack_id);
        let output = call.logical_resource_id(logical_id).send().await;
        let output = output.map_err(|error| CallError::new(OPERATION, error))?;
        let detail = output.stack_resource_detail();
        let id = detail.and_then(|detail| detail.physical_resource_id()).map(str::to_owned);
        Ok(id.ok_or_else(|| CallError::nonsense(OPERATION, format!("{logical_id} has no physical id")))?)
    }

    /// The operator's settings.
    pub fn settings(&self) -> Result<Settings, Failure> {
        Settings::read(|name| self.variable(name)).map_err(|error| {
            Failure::new(format!("the settings of the stack {:?} are wrong: {error}", self.name))
        })
    }

    /// What the template puts into an environment variable of the functions.
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            env::MANAGER => Some(self.name.clone()),
            // With `SetupDefaultAccess` the stack makes the key.
            env::DEFAULT_PASSWORD_SECRET_KMS_KEY_ID => {
                self.outputs.get("DefaultPasswordSecretKmsKeyId").cloned()
            }
            _ => self
                .parameters
                .iter()
                .find(|(key, _)| variable_of(key) == name)
                .map(|(_, value)| value.clone()),
        }
    }

    /// The name of the SSM parameter with the maintenance configuration.
    pub fn parameter(&self) -> String {
        format!("/{}/maintenance-config", self.name)
    }
}

/// The environment variable that a parameter of the template is put into: `NamePrefix` into `NAME_PREFIX`.
fn variable_of(parameter: &str) -> String {
    let mut name = String::new();
    for (at, character) in parameter.char_indices() {
        if character.is_ascii_uppercase() && at > 0 {
            name.push('_');
        }
        name.push(character.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use aurora_clone_core::names::env;

    use super::{role_of, variable_of};

    const TEMPLATE: &str = include_str!("../../../template/template.yaml");

    #[test]
    fn a_session_is_its_role() {
        assert_eq!(
            role_of("arn:aws:sts::123456789012:assumed-role/admin/me"),
            "arn:aws:iam::123456789012:role/admin"
        );
        assert_eq!(role_of("arn:aws-cn:iam::123456789012:user/me"), "arn:aws-cn:iam::123456789012:user/me");
    }

    #[test]
    fn every_setting_is_found_in_the_parameter_that_the_template_takes_it_from() {
        // What is no parameter, or is found in another way.
        let others = [
            env::MANAGER,
            env::TABLE_NAME,
            env::STATE_MACHINE_ARN,
            env::MAINTENANCE_CONFIG,
            env::DEFAULT_PASSWORD_SECRET_KMS_KEY_ID,
        ];
        for variable in env::TEMPLATE.iter().filter(|variable| !others.contains(variable)) {
            let line = TEMPLATE.lines().find(|line| line.trim().starts_with(&format!("{variable}: !Ref ")));
            let parameter = line.and_then(|line| line.split("!Ref ").nth(1)).expect(variable);
            assert_eq!(&variable_of(parameter), variable);
        }
    }
}
