//! Which permissions a person needs for which command: one table, of which the policies in docs/command-line.md are made and by which
//! `doctor` asks IAM.

use aurora_clone_core::arn::Place;
use serde_json::{Map, Value, json};

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Everything that only looks: `status`, `plan`, `doctor`, `report`, and the looks of the others.
    Looking,
    /// `create`, `update`, `delete`, `renew` and `protect`.
    Clones,
    /// `plan maintain --apply`, beside what clones take.
    Pool,
}

/// A statement of a policy.
pub struct Right {
    /// What it is called in the policy.
    pub sid: &'static str,
    /// Which policy it is in.
    pub of: For,
    /// What is allowed.
    pub actions: &'static [&'static str],
    /// On what, with the words of [`Names`] in braces.
    pub resources: &'static [&'static str],
    /// Under which conditions: operator, key, value.
    pub conditions: &'static [(&'static str, &'static str, &'static str)],
}

const RDS: &str = "arn:{partition}:rds:{region}:{account}";
const MANAGERS: (&str, &str, &str) = ("StringEquals", "aws:RequestTag/aurora-clone:manager", "{manager}");
const OURS: (&str, &str, &str) = ("StringEquals", "aws:ResourceTag/aurora-clone:manager", "{manager}");
const BY_RDS: (&str, &str, &str) = ("StringEquals", "kms:ViaService", "rds.{region}.amazonaws.com");

/// All of them.
pub const RIGHTS: &[Right] = &[
    Right {
        sid: "Look",
        of: For::Looking,
        actions: &[
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "rds:DescribeDBClusterSnapshots",
            "rds:DescribeAccountAttributes",
            "rds:DescribeDBSubnetGroups",
            "rds:DescribeDBClusterParameterGroups",
            "rds:DescribeDBParameterGroups",
            "rds:DescribePendingMaintenanceActions",
            "cloudformation:DescribeStacks",
            "cloudformation:DescribeStackResource",
            "cloudformation:DescribeStackResources",
            "cloudformation:DescribeStackEvents",
            "cloudformation:ListStacks",
            "secretsmanager:ListSecrets",
            "kms:ListAliases",
            "kms:ListKeys",
            "cloudwatch:GetMetricData",
            "logs:FilterLogEvents",
        ],
        resources: &["*"],
        conditions: &[],
    },
    Right {
        sid: "LookAtKeys",
        of: For::Looking,
        actions: &["kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListResourceTags"],
        resources: &["arn:{partition}:kms:{region}:{account}:key/*"],
        conditions: &[],
    },
    Right {
        sid: "LookAtSecrets",
        of: For::Looking,
        actions: &["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
        resources: &["arn:{partition}:secretsmanager:{region}:{account}:secret:{secrets}*"],
        conditions: &[],
    },
    Right {
        sid: "LookAtTable",
        of: For::Looking,
        actions: &["dynamodb:GetItem"],
        resources: &["arn:{partition}:dynamodb:{region}:{account}:table/{table}"],
        conditions: &[],
    },
    Right {
        sid: "Configuration",
        of: For::Looking,
        actions: &["ssm:GetParameter"],
        resources: &["arn:{partition}:ssm:{region}:{account}:parameter/{manager}/maintenance-config"],
        conditions: &[],
    },
    Right {
        sid: "WhatIsAllowed",
        of: For::Looking,
        actions: &["iam:SimulatePrincipalPolicy"],
        resources: &["arn:{partition}:iam::{account}:*"],
        conditions: &[],
    },
    Right {
        sid: "Table",
        of: For::Clones,
        actions: &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        resources: &["arn:{partition}:dynamodb:{region}:{account}:table/{table}"],
        conditions: &[],
    },
    Right {
        sid: "CloneInto",
        of: For::Clones,
        actions: &["rds:RestoreDBClusterToPointInTime", "rds:CreateDBInstance", "rds:AddTagsToResource"],
        resources: &["{rds}:cluster:{prefix}*", "{rds}:db:{prefix}*"],
        conditions: &[MANAGERS],
    },
    Right {
        sid: "CloneFrom",
        of: For::Clones,
        actions: &["rds:RestoreDBClusterToPointInTime"],
        resources: &["{rds}:cluster:*"],
        conditions: &[MANAGERS],
    },
    Right {
        sid: "CloneWith",
        of: For::Clones,
        actions: &[
            "rds:RestoreDBClusterToPointInTime",
            "rds:CreateDBInstance",
            "rds:ModifyDBCluster",
            "rds:ModifyDBInstance",
        ],
        resources: &["{rds}:cluster-pg:*", "{rds}:pg:*", "{rds}:subgrp:*", "{rds}:og:*"],
        conditions: &[],
    },
    Right {
        sid: "ChangeOurs",
        of: For::Clones,
        actions: &[
            "rds:ModifyDBCluster",
            "rds:ModifyDBInstance",
            "rds:AddRoleToDBCluster",
            "rds:RemoveRoleFromDBCluster",
            "rds:AddTagsToResource",
            "rds:RemoveTagsFromResource",
            "rds:CreateDBInstance",
            "rds:DeleteDBInstance",
            "rds:DeleteDBCluster",
            "rds:CreateDBClusterSnapshot",
        ],
        resources: &["{rds}:cluster:{prefix}*", "{rds}:db:{prefix}*"],
        conditions: &[OURS],
    },
    Right {
        sid: "FinalSnapshot",
        of: For::Clones,
        actions: &["rds:DeleteDBCluster", "rds:CreateDBClusterSnapshot", "rds:AddTagsToResource"],
        resources: &["{rds}:cluster-snapshot:{prefix}*"],
        conditions: &[],
    },
    Right {
        sid: "CreateSecret",
        of: For::Clones,
        actions: &["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
        resources: &["arn:{partition}:secretsmanager:{region}:{account}:secret:{secrets}*"],
        conditions: &[MANAGERS],
    },
    Right {
        sid: "UseOurSecrets",
        of: For::Clones,
        actions: &[
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutResourcePolicy",
            "secretsmanager:DeleteResourcePolicy",
            "secretsmanager:TagResource",
            "secretsmanager:DeleteSecret",
        ],
        resources: &["arn:{partition}:secretsmanager:{region}:{account}:secret:{secrets}*"],
        conditions: &[OURS],
    },
    Right {
        sid: "SecretsOfRds",
        of: For::Clones,
        actions: &["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
        resources: &["arn:{partition}:secretsmanager:{region}:{account}:secret:rds!cluster-*"],
        conditions: &[("Bool", "aws:ViaAWSService", "true")],
    },
    Right {
        sid: "CreateKey",
        of: For::Clones,
        actions: &["kms:CreateKey", "kms:TagResource"],
        resources: &["*"],
        conditions: &[MANAGERS],
    },
    Right {
        sid: "NameKeys",
        of: For::Clones,
        actions: &["kms:CreateAlias", "kms:DeleteAlias"],
        resources: &[
            "arn:{partition}:kms:{region}:{account}:alias/aurora-clone/*",
            "arn:{partition}:kms:{region}:{account}:key/*",
        ],
        conditions: &[],
    },
    Right {
        sid: "ChangeOurKeys",
        of: For::Clones,
        actions: &["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"],
        resources: &["arn:{partition}:kms:{region}:{account}:key/*"],
        conditions: &[OURS],
    },
    Right {
        sid: "UseKeys",
        of: For::Clones,
        actions: &["kms:Decrypt", "kms:GenerateDataKey"],
        resources: &["arn:{partition}:kms:{region}:{account}:key/*"],
        conditions: &[("StringLike", "kms:ViaService", "*.{region}.amazonaws.com")],
    },
    Right {
        sid: "GrantKeys",
        of: For::Clones,
        actions: &["kms:CreateGrant"],
        resources: &["arn:{partition}:kms:{region}:{account}:key/*"],
        conditions: &[BY_RDS, ("Bool", "kms:GrantIsForAWSResource", "true")],
    },
    Right {
        sid: "Tell",
        of: For::Clones,
        actions: &["events:PutEvents"],
        resources: &["arn:{partition}:events:{region}:{account}:event-bus/default"],
        conditions: &[("StringEquals", "events:source", "aurora-clone-manager")],
    },
    Right {
        sid: "PassRoles",
        of: For::Clones,
        actions: &["iam:PassRole"],
        resources: &["arn:{partition}:iam::{account}:role/*"],
        conditions: &[("StringLike", "iam:PassedToService", "*rds.amazonaws.com")],
    },
    Right {
        sid: "CopyOfSnapshot",
        of: For::Pool,
        actions: &[
            "rds:RestoreDBClusterFromSnapshot",
            "rds:CreateDBClusterSnapshot",
            "rds:AddTagsToResource",
        ],
        resources: &["{rds}:cluster:{prefix}*", "{rds}:cluster-snapshot:{prefix}*"],
        conditions: &[MANAGERS],
    },
    Right {
        sid: "CopyWith",
        of: For::Pool,
        actions: &["rds:RestoreDBClusterFromSnapshot"],
        resources: &["{rds}:cluster-pg:*", "{rds}:subgrp:*", "{rds}:og:*"],
        conditions: &[],
    },
    Right {
        sid: "SnapshotOfSource",
        of: For::Pool,
        actions: &["rds:CreateDBClusterSnapshot"],
        resources: &["{rds}:cluster:*"],
        conditions: &[],
    },
    Right {
        sid: "Snapshots",
        of: For::Pool,
        actions: &["rds:RestoreDBClusterFromSnapshot", "rds:DeleteDBClusterSnapshot"],
        resources: &["{rds}:cluster-snapshot:{prefix}*"],
        conditions: &[OURS],
    },
];

/// What stands for what in the table.
#[derive(Debug, Clone)]
pub struct Names {
    /// Where the manager is.
    pub place: Place,
    /// Its name.
    pub manager: String,
    /// Its table.
    pub table: String,
    /// What its clusters' names begin with.
    pub prefix: String,
    /// What its secrets' names begin with.
    pub secrets: String,
}

impl Names {
    /// A text with the names in it.
    pub fn resolve(&self, text: &str) -> String {
        let Place { partition, region, account } = &self.place;
        text.replace("{rds}", RDS)
            .replace("{partition}", partition)
            .replace("{region}", region)
            .replace("{account}", account)
            .replace("{manager}", &self.manager)
            .replace("{table}", &self.table)
            .replace("{prefix}", &self.prefix)
            .replace("{secrets}", &self.secrets)
    }

    /// The policy of one kind of work. Who makes clones looks as well, and who maintains pools does both, so each is attached beside the
    /// ones before it.
    pub fn policy(&self, of: For) -> Value {
        let one_or_all = |texts: &[&str]| match texts {
            [one] => Value::from(self.resolve(one)),
            all => all.iter().map(|text| self.resolve(text)).collect(),
        };
        let statements = RIGHTS.iter().filter(|right| right.of == of).map(|right| {
            let mut statement = json!({
                "Sid": right.sid,
                "Effect": "Allow",
                "Action": one_or_all(right.actions),
                "Resource": one_or_all(right.resources),
            });
            if !right.conditions.is_empty() {
                let mut conditions = Map::new();
                for (operator, key, value) in right.conditions {
                    let keys = conditions.entry((*operator).to_owned()).or_insert_with(|| json!({}));
                    keys[*key] = Value::from(self.resolve(value));
                }
                statement["Condition"] = Value::Object(conditions);
            }
            statement
        });
        json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() })
    }
}
