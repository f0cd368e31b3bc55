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
    /// A hash of the properties that it was made from.
    pub const PROPERTIES: &str = "aurora-clone:properties";
    /// Set on a copy that is going to be purged: nobody clones it any more.
    pub const RETIRING: &str = "aurora-clone:retiring";
}

/// Steps that the state machine asks of the handler.
pub mod step {
    /// Look, decide and do the next thing.
    pub const ADVANCE: &str = "advance";
    /// Decide FAILED, because advancing failed for good.
    pub const GIVE_UP: &str = "give-up";
    /// Send the decision to CloudFormation.
    pub const ANSWER: &str = "answer";
}
