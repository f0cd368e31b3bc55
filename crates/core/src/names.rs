//! Every name that another file repeats: environment variables of the functions, tags on clusters, properties of
//! the resource, steps of the state machine. A test compares them with the templates.

/// Environment variables of the functions.
pub mod env {
    /// The manager's name: whose clusters are ours. The name of the manager's stack.
    pub const MANAGER: &str = "MANAGER";
    /// What the identifiers of our clusters begin with; may be empty, which gives up IAM's fence by ARN.
    pub const NAME_PREFIX: &str = "NAME_PREFIX";
    /// Copy-on-write clones per source volume (1 to 15).
    pub const MAX_CLONES_PER_SOURCE: &str = "MAX_CLONES_PER_SOURCE";
    /// Slots per source that stay free for other consumers (0 to 14).
    pub const SLOT_MARGIN: &str = "SLOT_MARGIN";
    /// The oldest data a copy may have to be cloned, as an ISO 8601 duration.
    pub const MAX_COPY_AGE: &str = "MAX_COPY_AGE";
    /// The resource type that templates use.
    pub const CUSTOM_RESOURCE_TYPE: &str = "CUSTOM_RESOURCE_TYPE";
    /// The DynamoDB table of requests, locks and fences.
    pub const TABLE_NAME: &str = "TABLE_NAME";
    /// The ARN of the state machine that follows a request.
    pub const STATE_MACHINE_ARN: &str = "STATE_MACHINE_ARN";
    /// For rehearsals against a server on this machine: the loopback origin that response URLs may have besides
    /// CloudFormation's own.
    pub const RESPONSE_ORIGIN: &str = "RESPONSE_ORIGIN";
    /// The file with the certificate authorities to trust instead of Amazon's; the AWS CLI's own variable.
    pub const CA_BUNDLE: &str = "AWS_CA_BUNDLE";
    /// `error`, `warn`, `info` (the default), `debug` or `trace`.
    pub const LOG_LEVEL: &str = "LOG_LEVEL";
    /// How long a full copy takes, as an ISO 8601 duration: one is begun for a Create only if it can be finished.
    pub const FULL_COPY_TIME: &str = "FULL_COPY_TIME";
    /// The longest lease that a clone may have, as an ISO 8601 duration, which is also the lease of those that ask for none;
    /// empty: no limit.
    pub const MAX_LEASE: &str = "MAX_LEASE";
    /// What the names of secrets begin with; IAM fences by it.
    pub const DEFAULT_SECRET_PREFIX: &str = "DEFAULT_SECRET_PREFIX";
    /// The KMS key of secrets whose template names none; empty: the account's `aws/secretsmanager`.
    pub const DEFAULT_PASSWORD_SECRET_KMS_KEY_ID: &str = "DEFAULT_PASSWORD_SECRET_KMS_KEY_ID";
    /// Patterns of the clusters that may be cloned.
    pub const ALLOWED_SOURCES: &str = "ALLOWED_SOURCES";
    /// Patterns of the principals that may be given access to passwords; empty: the own account's.
    pub const ALLOWED_PRINCIPALS: &str = "ALLOWED_PRINCIPALS";
    /// Patterns of the DB subnet groups that clones may be in.
    pub const ALLOWED_SUBNET_GROUPS: &str = "ALLOWED_SUBNET_GROUPS";
    /// Patterns of the VPC security groups that clones may have.
    pub const ALLOWED_SECURITY_GROUPS: &str = "ALLOWED_SECURITY_GROUPS";
    /// Patterns of the instance classes that clones may have.
    pub const ALLOWED_INSTANCE_CLASSES: &str = "ALLOWED_INSTANCE_CLASSES";
    /// The name of the SSM parameter with the maintenance configuration.
    pub const MAINTENANCE_CONFIG: &str = "MAINTENANCE_CONFIG";
    /// `true` if a template may ask for a clone that keeps its source's password.
    pub const ALLOW_SOURCE_PASSWORD: &str = "ALLOW_SOURCE_PASSWORD";

    /// All of the above that the manager's template sets.
    pub const TEMPLATE: &[&str] = &[
        MANAGER,
        NAME_PREFIX,
        MAX_CLONES_PER_SOURCE,
        SLOT_MARGIN,
        MAX_COPY_AGE,
        CUSTOM_RESOURCE_TYPE,
        TABLE_NAME,
        STATE_MACHINE_ARN,
        LOG_LEVEL,
        FULL_COPY_TIME,
        MAX_LEASE,
        DEFAULT_SECRET_PREFIX,
        DEFAULT_PASSWORD_SECRET_KMS_KEY_ID,
        ALLOWED_SOURCES,
        ALLOWED_PRINCIPALS,
        ALLOWED_SUBNET_GROUPS,
        ALLOWED_SECURITY_GROUPS,
        ALLOWED_INSTANCE_CLASSES,
        ALLOW_SOURCE_PASSWORD,
        MAINTENANCE_CONFIG,
    ];

    /// Those that it sets for the maintainer: what makes passwords and answers templates is no business of its.
    pub const MAINTAINER: &[&str] = &[
        MANAGER,
        NAME_PREFIX,
        MAX_CLONES_PER_SOURCE,
        SLOT_MARGIN,
        MAX_COPY_AGE,
        TABLE_NAME,
        STATE_MACHINE_ARN,
        LOG_LEVEL,
        FULL_COPY_TIME,
        MAX_LEASE,
        DEFAULT_SECRET_PREFIX,
        ALLOWED_SOURCES,
        ALLOWED_SECURITY_GROUPS,
        MAINTENANCE_CONFIG,
    ];
}

/// Tags that the manager puts on its clusters. Users can neither set nor override them.
pub mod tag {
    /// What every tag of ours begins with.
    pub const PREFIX: &str = "aurora-clone:";
    /// The manager that made the cluster.
    pub const MANAGER: &str = "aurora-clone:manager";
    /// `clone` or `copy`.
    pub const ROLE: &str = "aurora-clone:role";
    /// The identifier of the cluster that carries the tag. Aurora copies tags to a clone when its maker gives
    /// none, so only where this equals the carrier's identifier are the other tags about the carrier.
    pub const CLUSTER: &str = "aurora-clone:cluster";
    /// The identifier of the family's root.
    pub const ROOT: &str = "aurora-clone:root";
    /// The identifier of the cluster that this one was restored from.
    pub const SOURCE: &str = "aurora-clone:source";
    /// `copy-on-write` or `full-copy`.
    pub const RESTORE_TYPE: &str = "aurora-clone:restore-type";
    /// The moment that the data is from, in UTC.
    pub const DATA_TIME: &str = "aurora-clone:data-time";
    /// The stack that asked for the cluster.
    pub const STACK_ID: &str = "aurora-clone:stack-id";
    /// The resource in that stack.
    pub const LOGICAL_ID: &str = "aurora-clone:logical-id";
    /// Which incarnation of the resource this is.
    pub const GENERATION: &str = "aurora-clone:generation";
    /// A hash of the properties that it was last brought to.
    pub const PROPERTIES: &str = "aurora-clone:properties";
    /// How its password is kept: `own`, `managed` or `source`.
    pub const PASSWORD: &str = "aurora-clone:password";
    /// The name of the secret with its password, for people. Nothing is ever looked up by it.
    pub const SECRET: &str = "aurora-clone:secret";
    /// The KMS key of that secret: as the template or the operator names it, `made` for one that was made for this clone,
    /// `aws` for the account's own.
    pub const KEY: &str = "aurora-clone:key";
    /// When its lease is over, in UTC.
    pub const EXPIRES: &str = "aurora-clone:expires";
    /// The lease that [`EXPIRES`] was computed from, as an ISO 8601 duration.
    pub const LEASE: &str = "aurora-clone:lease";
    /// What its author says about it.
    pub const DESCRIPTION: &str = "aurora-clone:description";
    /// On a secret: the resource id of the cluster whose password was set to it.
    pub const SET_ON: &str = "aurora-clone:set-on";
    /// Set on a copy that is going to be purged: nobody clones it any more.
    pub const RETIRING: &str = "aurora-clone:retiring";
    /// On a copy of the pool: when the maintainer first saw that it can be cloned, which it told EventBridge then.
    pub const READY: &str = "aurora-clone:ready";
    /// Set by a person, to any value: the maintainer never takes the carrier away.
    pub const KEEP: &str = "aurora-clone:keep";
    /// The end of the lease about which people were warned, and when: `<end>@<when>`. Another end is warned about again.
    pub const WARNED: &str = "aurora-clone:warned";
}

/// Steps that the state machine asks of the handler.
pub mod step {
    /// Look, decide and do the next thing.
    pub const ADVANCE: &str = "advance";
    /// Decide FAILED, because advancing failed for good.
    pub const GIVE_UP: &str = "give-up";
    /// Send the decision to CloudFormation.
    pub const ANSWER: &str = "answer";
    /// Tell EventBridge what came of it.
    pub const TELL: &str = "tell";
}

/// What the maintainer's schedules and its state machine say.
pub mod maintain {
    /// The schedule of whole runs.
    pub const MAINTAIN: &str = "maintain";
    /// The schedule of leases and orphans, and the work of following one.
    pub const SWEEP: &str = "sweep";
    /// The work of following a pool.
    pub const POOL: &str = "pool";
    /// After a step: wait, and make another one.
    pub const WAIT: &str = "wait";
    /// After a step: nothing is under way.
    pub const SETTLED: &str = "settled";
    /// After a step: nothing is under way, and somebody has to look.
    pub const TROUBLED: &str = "troubled";
}

/// Events on the default event bus.
pub mod event {
    /// The source of all of them.
    pub const SOURCE: &str = "aurora-clone-manager";
    /// An instance of a clone is usable: the predecessor's event, with its keys.
    pub const INSTANCE_READY: &str = "lifecycle-event/instance-ready";
    /// A clone is usable.
    pub const CLONE_READY: &str = "clone-ready";
    /// A clone could not be made or changed.
    pub const CLONE_FAILED: &str = "clone-failed";
    /// A clone is gone.
    pub const CLONE_DELETED: &str = "clone-deleted";
    /// A copy of the pool can be cloned.
    pub const COPY_READY: &str = "copy-ready";
    /// A copy of the pool is being deleted.
    pub const COPY_PURGED: &str = "copy-purged";
    /// A pool has fewer free slots than are wanted, and nothing that is being made will change that.
    pub const POOL_SHORT: &str = "pool-short";
    /// The lease of a clone is nearly over.
    pub const CLONE_EXPIRING: &str = "clone-expiring";
    /// CloudFormation no longer wants something that we made for it.
    pub const ORPHAN_FOUND: &str = "orphan-found";
}
