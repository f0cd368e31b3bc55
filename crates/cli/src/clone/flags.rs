//! The properties of the resource as flags: `InstanceClass` is `--instance-class`, as the AWS CLI makes flags of AWS's names.
//!
//! The list of properties is the core's and their descriptions are the README's, so that no flag is missing and none says something
//! else than the document.

use aurora_clone_core::properties::table;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use serde_json::{Map, Value};

/// The document with the table of properties.
const README: &str = include_str!("../../../../README.md");

/// Properties that are no flags: the name is the command's argument, CloudFormation's own are for CloudFormation, and the
/// predecessor's spellings are for its templates.
const NO_FLAGS: [&str; 4] = ["ClusterId", "ServiceToken", "SecretpPrefix", "CopyOk"];
/// Properties that take `true` or `false`.
const BOOLEANS: [&str; 9] = [
    "NoFailOnExistingCluster",
    "PurgeObsoleteCopies",
    "SetPassword",
    "ManageMasterUserPassword",
    "ForceCreateKmsKey",
    "EnableIAMDatabaseAuthentication",
    "DeletionProtection",
    "EnablePerformanceInsights",
    "FinalSnapshot",
];
/// Properties that take a list of texts.
const LISTS: [&str; 3] = ["AccessPrincipalArns", "VpcSecurityGroupIds", "EnableCloudwatchLogsExports"];
/// Properties that take a list of maps.
const LISTS_OF_MAPS: [&str; 2] = ["AssociatedRoles", "Tags"];
/// Properties that take a map.
const MAPS: [&str; 1] = ["ServerlessV2ScalingConfiguration"];

/// The properties that were given as flags, by their names in templates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PropertyFlags(pub Map<String, Value>);

/// The properties that are flags.
fn flags() -> impl Iterator<Item = &'static str> {
    table::names().filter(|name| !NO_FLAGS.contains(name))
}

/// `DBSubnetGroupName` as `db-subnet-group-name`.
pub fn kebab(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut flag = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let after = at.checked_sub(1).map(|before| letters[before]);
        let begins = letter.is_ascii_uppercase()
            && after.is_some_and(|after| {
                // `DBSubnet`: the last letter of an abbreviation begins the next word.
                !after.is_ascii_uppercase() || letters.get(at + 1).is_some_and(char::is_ascii_lowercase)
            });
        if begins {
            flag.push('-');
        }
        flag.push(letter.to_ascii_lowercase());
    }
    // Two names whose abbreviations end in a small letter or a digit.
    flag.replace("iamdatabase", "iam-database").replace("kmskey", "kms-key")
}

/// What the README says about a property: what it is, and what it is by default.
fn described(name: &str) -> Option<String> {
    let row = README.lines().find(|line| line.starts_with(&format!("| `{name}` |")))?;
    let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
    let about = cells.get(1)?.replace('`', "");
    let default = cells.get(2).map(|cell| cell.replace('`', "")).unwrap_or_default();
    Some(match default.as_str() {
        "" | "needed" => about,
        default => format!("{about} [default: {default}]"),
    })
}

impl Args for PropertyFlags {
    fn augment_args(mut command: Command) -> Command {
        for name in flags() {
            let flag = kebab(name);
            let mut arg = Arg::new(name)
                .long(flag.clone())
                .help(described(name).unwrap_or_default())
                .help_heading("Properties of the clone");
            if BOOLEANS.contains(&name) {
                arg = arg
                    .value_name("true|false")
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value("true")
                    .overrides_with(format!("no-{name}"));
                let no = Arg::new(format!("no-{name}"))
                    .long(format!("no-{flag}"))
                    .action(ArgAction::SetTrue)
                    .overrides_with(name)
                    .hide(true);
                command = command.arg(no);
            } else if LISTS.contains(&name) {
                arg = arg.value_name("TEXT").num_args(0..).action(ArgAction::Append).value_delimiter(',');
            } else if LISTS_OF_MAPS.contains(&name) {
                arg = arg.value_name("KEY=VALUE,…").num_args(0..).action(ArgAction::Append);
            } else if MAPS.contains(&name) {
                arg = arg.value_name("KEY=VALUE,…");
            } else {
                arg = arg.value_name("TEXT");
            }
            command = command.arg(arg);
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PropertyFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut properties = Map::new();
        for name in flags() {
            if BOOLEANS.contains(&name) && matches.get_flag(&format!("no-{name}")) {
                properties.insert(name.to_owned(), Value::String("false".to_owned()));
                continue;
            }
            let Some(texts) = matches.get_many::<String>(name) else { continue };
            let texts: Vec<&str> = texts.map(String::as_str).collect();
            let value = value_of(name, &texts).map_err(|wrong| {
                let text = format!("--{} {}: {wrong}\n", kebab(name), texts.join(" "));
                clap::Error::raw(clap::error::ErrorKind::InvalidValue, text)
            })?;
            properties.insert(name.to_owned(), value);
        }
        Ok(Self(properties))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What was typed, in the shape that the property takes in a template. Whether it may be had is for the core to say.
fn value_of(name: &str, texts: &[&str]) -> Result<Value, String> {
    if LISTS.contains(&name) {
        return Ok(texts.iter().filter(|text| !text.is_empty()).map(|text| Value::from(*text)).collect());
    }
    if LISTS_OF_MAPS.contains(&name) {
        if let [text] = texts
            && text.starts_with('[')
        {
            return json(text);
        }
        return texts.iter().map(|text| map_of(text)).collect();
    }
    let text = texts.first().copied().unwrap_or_default();
    if MAPS.contains(&name) { map_of(text) } else { Ok(Value::from(text)) }
}

/// JSON, or the AWS CLI's shorthand `Key=a,Value=b`.
fn map_of(text: &str) -> Result<Value, String> {
    if text.starts_with('{') {
        return json(text);
    }
    let mut map = Map::new();
    for pair in text.split(',') {
        let (key, value) =
            pair.split_once('=').ok_or("it takes KEY=VALUE with commas between them, or JSON".to_owned())?;
        map.insert(key.trim().to_owned(), Value::from(value));
    }
    Ok(Value::Object(map))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Args as _, Command, FromArgMatches as _};
    use serde_json::{Value, json};

    use super::{PropertyFlags, described, flags, kebab};

    fn read(words: &[&str]) -> Result<Value, String> {
        let command = PropertyFlags::augment_args(Command::new("create").no_binary_name(true));
        let matches = command.try_get_matches_from(words).map_err(|error| error.to_string())?;
        let flags = PropertyFlags::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        Ok(Value::Object(flags.0))
    }

    #[test]
    fn flags_are_the_names_of_aws_in_small_letters() {
        for (name, flag) in [
            ("SourceClusterId", "source-cluster-id"),
            ("DBSubnetGroupName", "db-subnet-group-name"),
            ("DBClusterParameterGroupName", "db-cluster-parameter-group-name"),
            ("EnableIAMDatabaseAuthentication", "enable-iam-database-authentication"),
            ("ServerlessV2ScalingConfiguration", "serverless-v2-scaling-configuration"),
            ("PerformanceInsightsKMSKeyId", "performance-insights-kms-key-id"),
            ("KmsKeyId", "kms-key-id"),
            ("AccessPrincipalArns", "access-principal-arns"),
            ("MonitoringRoleArn", "monitoring-role-arn"),
        ] {
            assert_eq!(kebab(name), flag);
        }
        let all: Vec<String> = flags().map(kebab).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn every_flag_is_described_by_the_readme() {
        for name in flags() {
            assert!(described(name).is_some_and(|text| !text.is_empty()), "{name}");
        }
    }

    #[test]
    fn values_have_the_shapes_of_a_template() {
        let words = [
            "--source-cluster-id",
            "prod",
            "--final-snapshot",
            "--no-deletion-protection",
            "--force-create-kms-key=false",
            "--vpc-security-group-ids",
            "sg-1",
            "sg-2",
            "--enable-cloudwatch-logs-exports",
            "--tags",
            "Key=team,Value=web",
            "Key=a,Value=b=c",
            "--serverless-v2-scaling-configuration",
            "MinCapacity=0.5,MaxCapacity=4",
            "--associated-roles",
            r#"[{"RoleArn":"arn:x","FeatureName":"s3Import"}]"#,
        ];
        assert_eq!(
            read(&words).expect("flags"),
            json!({
                "SourceClusterId": "prod",
                "FinalSnapshot": "true",
                "DeletionProtection": "false",
                "ForceCreateKmsKey": "false",
                "VpcSecurityGroupIds": ["sg-1", "sg-2"],
                "EnableCloudwatchLogsExports": [],
                "Tags": [{ "Key": "team", "Value": "web" }, { "Key": "a", "Value": "b=c" }],
                "ServerlessV2ScalingConfiguration": { "MinCapacity": "0.5", "MaxCapacity": "4" },
                "AssociatedRoles": [{ "RoleArn": "arn:x", "FeatureName": "s3Import" }],
            })
        );
        assert_eq!(
            read(&["--vpc-security-group-ids", "sg-1,sg-2"]),
            Ok(json!({ "VpcSecurityGroupIds": ["sg-1", "sg-2"] }))
        );
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        for (words, part) in [
            (["--tags", "team"], "--tags team: it takes KEY=VALUE"),
            (["--tags", "[{"], "it is no JSON"),
            (["--instance-clas", "x"], "--instance-class"),
        ] {
            let error = read(&words).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
    }
}
