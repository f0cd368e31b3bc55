//! Every property, what a template may give, how AWS hears of it, and what the clone shows then.

use aurora_clone_core::names::tag;
use aurora_clone_sim::Call;

use super::scene::Scene;

/// How it is seen that a property does something, in the calls of a creation and a deletion.
#[derive(Debug, Clone, Copy)]
pub enum Wire {
    /// A call of this operation has this parameter with this value.
    Has(&'static str, &'static str, &'static str),
    /// A call of this operation has this text.
    Says(&'static str, &'static str),
    /// The cluster is restored with this tag.
    Tagged(&'static str, &'static str),
}

impl Wire {
    pub fn seen(self, log: &[Call]) -> bool {
        let of = |operation: &'static str| log.iter().filter(move |call| call.operation == operation);
        match self {
            Self::Has(operation, name, value) => {
                of(operation).any(|call| call.parameters.get(name).is_some_and(|is| is == value))
            }
            Self::Says(operation, text) => {
                of(operation).any(|call| String::from_utf8_lossy(&call.request).contains(text))
            }
            Self::Tagged(key, value) => of(RESTORE).any(|call| {
                (1..=50).any(|n| {
                    let is = |what: &str, wanted: &str| {
                        call.parameters.get(&format!("Tags.Tag.{n}.{what}")).is_some_and(|is| is == wanted)
                    };
                    is("Key", key) && is("Value", value)
                })
            }),
        }
    }
}

/// One property.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub property: &'static str,
    pub scene: Scene,
    /// Lines that the template has with and without the property.
    pub beside: &'static str,
    /// The property's own line.
    pub given: &'static str,
    pub wire: Wire,
    /// A part of the clone's state that is there with the property and not without; empty where the property is not about what
    /// the clone is.
    pub shows: &'static str,
}

const RESTORE: &str = "RestoreDBClusterToPointInTime";
const INSTANCE: &str = "CreateDBInstance";
const ANSWER: &str = "PutObject";

const fn case(property: &'static str, given: &'static str, wire: Wire, shows: &'static str) -> Case {
    Case { property, scene: Scene::Rich, beside: "", given, wire, shows }
}

impl Case {
    const fn beside(self, beside: &'static str) -> Self {
        Self { beside, ..self }
    }

    const fn within(self, scene: Scene) -> Self {
        Self { scene, ..self }
    }
}

/// All of them but `ServiceToken`, without which CloudFormation calls nobody.
pub const CASES: &[Case] = &[
    case(
        "SourceClusterId",
        "SourceClusterId: other",
        Wire::Has(RESTORE, "SourceDBClusterIdentifier", "other"),
        r#"Parent { id: "other""#,
    ),
    case(
        "ClusterId",
        "ClusterId: clone-mine",
        Wire::Has(RESTORE, "DBClusterIdentifier", "clone-mine"),
        r#"id: "clone-mine"#,
    ),
    case(
        "NoFailOnExistingCluster",
        "NoFailOnExistingCluster: true",
        Wire::Says(RESTORE, "DBClusterIdentifier=clone-taken-"),
        "",
    )
    .beside("ClusterId: clone-taken")
    .within(Scene::Taken),
    case("OnNoSlot", "OnNoSlot: Copy", Wire::Has(RESTORE, "RestoreType", "full-copy"), "")
        .within(Scene::Full),
    case("CopyOk", "CopyOk: true", Wire::Has(RESTORE, "RestoreType", "full-copy"), "").within(Scene::Full),
    case(
        "CopyCreatedSince",
        "CopyCreatedSince: '2026-06-20T23:00:00Z'",
        Wire::Says(ANSWER, "CopyCreatedSince asks for"),
        "",
    )
    .within(Scene::Copies),
    case("MaxCopyAge", "MaxCopyAge: PT2H", Wire::Says(ANSWER, "MaxCopyAge is 2 h"), "").within(Scene::Copies),
    case(
        "PurgeObsoleteCopies",
        "PurgeObsoleteCopies: true",
        Wire::Has(
            "AddTagsToResource",
            "ResourceName",
            "arn:aws:rds:eu-west-1:123456789012:cluster:clone-pool-2",
        ),
        "",
    )
    .within(Scene::Copies),
    case(
        "SetPassword",
        "SetPassword: false",
        Wire::Tagged(tag::PASSWORD, "source"),
        r#""aurora-clone:password": "source""#,
    ),
    case(
        "ManageMasterUserPassword",
        "ManageMasterUserPassword: true",
        Wire::Has("ModifyDBCluster", "ManageMasterUserPassword", "true"),
        r#""aurora-clone:password": "managed""#,
    ),
    case(
        "SecretPrefix",
        "SecretPrefix: /aurora-clone-manager/team/",
        Wire::Says("CreateSecret", "/aurora-clone-manager/team/clone-"),
        r#"name: "/aurora-clone-manager/team/clone-"#,
    ),
    case(
        "SecretpPrefix",
        "SecretpPrefix: /aurora-clone-manager/old/",
        Wire::Says("CreateSecret", "/aurora-clone-manager/old/clone-"),
        r#"name: "/aurora-clone-manager/old/clone-"#,
    ),
    case(
        "KmsKeyId",
        "KmsKeyId: alias/team",
        Wire::Says("CreateSecret", r#""KmsKeyId":"alias/team""#),
        r#"kms_key_id: Some("alias/team")"#,
    ),
    case(
        "ForceCreateKmsKey",
        "ForceCreateKmsKey: true",
        Wire::Says("CreateAlias", "alias/aurora-clone/clone-"),
        r#""aurora-clone:key": "made""#,
    ),
    case(
        "AccessPrincipalArns",
        "AccessPrincipalArns: ['arn:aws:iam::123456789012:role/reader']",
        Wire::Says("PutResourcePolicy", "role/reader"),
        "role/reader",
    ),
    case(
        "DBSubnetGroupName",
        "DBSubnetGroupName: second-subnets",
        Wire::Has(RESTORE, "DBSubnetGroupName", "second-subnets"),
        r#"subnet_group: "second-subnets""#,
    ),
    case("Port", "Port: 6000", Wire::Has(RESTORE, "Port", "6000"), "port: 6000"),
    case(
        "NetworkType",
        "NetworkType: IPV4",
        Wire::Has(RESTORE, "NetworkType", "IPV4"),
        r#"network_type: "IPV4""#,
    ),
    case(
        "VpcSecurityGroupIds",
        "VpcSecurityGroupIds: [sg-0cccccccccccccccc]",
        Wire::Has(RESTORE, "VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-0cccccccccccccccc"),
        r#"security_groups: ["sg-0cccccccccccccccc"]"#,
    ),
    case(
        "DBClusterParameterGroupName",
        "DBClusterParameterGroupName: second-params",
        Wire::Has(RESTORE, "DBClusterParameterGroupName", "second-params"),
        r#"parameter_group: "second-params""#,
    ),
    case(
        "StorageType",
        "StorageType: aurora",
        Wire::Has(RESTORE, "StorageType", "aurora"),
        r#"storage_type: "aurora""#,
    ),
    case(
        "EnableIAMDatabaseAuthentication",
        "EnableIAMDatabaseAuthentication: false",
        Wire::Has(RESTORE, "EnableIAMDatabaseAuthentication", "false"),
        "iam_auth: false",
    ),
    case(
        "EnableCloudwatchLogsExports",
        "EnableCloudwatchLogsExports: [instance]",
        Wire::Has(RESTORE, "EnableCloudwatchLogsExports.member.1", "instance"),
        r#"log_exports: ["instance"]"#,
    ),
    case(
        "DeletionProtection",
        "DeletionProtection: true",
        Wire::Has("ModifyDBCluster", "DeletionProtection", "true"),
        "deletion_protection: true",
    ),
    case(
        "BackupRetentionPeriod",
        "BackupRetentionPeriod: 5",
        Wire::Has(RESTORE, "BackupRetentionPeriod", "5"),
        "backup_retention: 5",
    ),
    case(
        "AssociatedRoles",
        "AssociatedRoles: [{RoleArn: 'arn:aws:iam::123456789012:role/importer', FeatureName: s3Import}]",
        Wire::Has(RESTORE, "AssociatedRoles.DBClusterAssociatedRole.1.FeatureName", "s3Import"),
        "role/importer",
    ),
    case(
        "EngineLifecycleSupport",
        "EngineLifecycleSupport: open-source-rds-extended-support",
        Wire::Has(RESTORE, "EngineLifecycleSupport", "open-source-rds-extended-support"),
        r#"lifecycle_support: "open-source-rds-extended-support""#,
    ),
    case(
        "ServerlessV2ScalingConfiguration",
        "ServerlessV2ScalingConfiguration: {MinCapacity: 1.5, MaxCapacity: 4.5}",
        Wire::Has(RESTORE, "ServerlessV2ScalingConfiguration.MaxCapacity", "4.5"),
        "Scaling { min: 1.5, max: 4.5",
    ),
    case(
        "InstanceClass",
        "InstanceClass: db.r6g.xlarge",
        Wire::Has(INSTANCE, "DBInstanceClass", "db.r6g.xlarge"),
        r#"class: "db.r6g.xlarge""#,
    ),
    case(
        "InstanceCount",
        "InstanceCount: 2",
        Wire::Has(INSTANCE, "DBInstanceIdentifier", "clone-mine-2"),
        r#"id: "clone-mine-2""#,
    )
    .beside("ClusterId: clone-mine"),
    case(
        "DBParameterGroupName",
        "DBParameterGroupName: second-instance",
        Wire::Has(INSTANCE, "DBParameterGroupName", "second-instance"),
        r#"parameter_group: "second-instance""#,
    ),
    case(
        "EnablePerformanceInsights",
        "EnablePerformanceInsights: false",
        Wire::Has(INSTANCE, "EnablePerformanceInsights", "false"),
        "performance_insights: false",
    ),
    case(
        "PerformanceInsightsRetentionPeriod",
        "PerformanceInsightsRetentionPeriod: 93",
        Wire::Has(INSTANCE, "PerformanceInsightsRetentionPeriod", "93"),
        "performance_insights_retention: Some(93)",
    ),
    // From a source without Performance Insights: RDS never lets their key change.
    case(
        "PerformanceInsightsKMSKeyId",
        "PerformanceInsightsKMSKeyId: 0000aaaa-0000-0000-0000-000000000003",
        Wire::Has(INSTANCE, "PerformanceInsightsKMSKeyId", "0000aaaa-0000-0000-0000-000000000003"),
        "key/0000aaaa-0000-0000-0000-000000000003",
    )
    .beside("SourceClusterId: other"),
    case(
        "MonitoringInterval",
        "MonitoringInterval: 60",
        Wire::Has(INSTANCE, "MonitoringInterval", "60"),
        "monitoring_interval: 60",
    )
    .beside("MonitoringRoleArn: arn:aws:iam::123456789012:role/monitor-2"),
    case(
        "MonitoringRoleArn",
        "MonitoringRoleArn: arn:aws:iam::123456789012:role/monitor-3",
        Wire::Has(INSTANCE, "MonitoringRoleArn", "arn:aws:iam::123456789012:role/monitor-3"),
        "role/monitor-3",
    ),
    case(
        "ExpiresAfter",
        "ExpiresAfter: P2D",
        Wire::Tagged(tag::LEASE, "P2D"),
        r#""aurora-clone:expires": "2026"#,
    ),
    case(
        "Description",
        "Description: for the review",
        Wire::Tagged(tag::DESCRIPTION, "for the review"),
        r#""aurora-clone:description": "for the review""#,
    ),
    case("Tags", "Tags: {team: blue}", Wire::Tagged("team", "blue"), r#""team": "blue""#),
    case(
        "FinalSnapshot",
        "FinalSnapshot: true",
        Wire::Says("DeleteDBCluster", "FinalDBSnapshotIdentifier=clone-"),
        "",
    ),
    case("ServiceTimeout", "ServiceTimeout: 300", Wire::Says(ANSWER, "Not ready in the time"), "")
        .within(Scene::Slow),
];

/// The case of a property.
pub fn of(property: &str) -> &'static Case {
    CASES.iter().find(|case| case.property == property).unwrap()
}
