//! IAM: whether the role of a function lets a call through.
//!
//! `policy` and `condition` read identity policies and judge by them; `rds`, `keys`, `secrets` and `others` know what IAM asks
//! about each call that the World serves: which action, on which resource, in which context. The facts are those of the service
//! authorization reference; what it leaves open is in `assumptions.md` (I1 and on).
//!
//! A function that was given no role may do everything, and so may everybody who is no function, unless their access key belongs
//! to a [`Person`] with policies. Resource policies (of keys and secrets) are not asked: within one account, an identity policy that
//! allows is enough, as long as a key's own policy leaves it to the account. `api` answers who somebody is and what they may do.

mod api;
mod condition;
mod context;
mod keys;
mod others;
mod policy;
mod rds;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use self::context::{Ask, Context};
pub use self::policy::{Grant, Role, Statement, Verdict};
use crate::http::Request;
use crate::world::World;

/// The roles of the functions, and what they were good for; and the people.
#[derive(Debug, Default)]
pub struct Iam {
    roles: BTreeMap<String, Arc<Role>>,
    used: BTreeMap<String, BTreeSet<Grant>>,
    /// By their access key ids.
    people: BTreeMap<String, Person>,
}

/// An IAM user.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user's name.
    pub name: String,
    /// What their policies allow; an administrator's everything if there are none.
    pub policies: Option<Arc<Role>>,
}

impl Iam {
    /// Says whose an access key id is. Somebody with policies may do what these allow, and nothing else; a denial is no violation.
    pub fn introduce(&mut self, key: &str, person: Person) {
        self.people.insert(key.to_owned(), person);
    }

    /// Lets a function have a role: from now on its invocations may do what that allows, and nothing else.
    pub fn assume(&mut self, function: &str, role: Arc<Role>) {
        self.roles.insert(function.to_owned(), role);
    }

    /// The role of a function, if it has one.
    pub fn role_of(&self, function: &str) -> Option<&Arc<Role>> {
        self.roles.get(function)
    }

    /// What of a function's role ever let a call through.
    pub fn used(&self, function: &str) -> impl Iterator<Item = Grant> {
        self.used.get(function).into_iter().flatten().copied()
    }

    /// Judges what IAM asks about one call of a function, and says what is denied.
    fn judge<'a>(&mut self, function: &str, role: &Role, asks: &'a [Ask]) -> Result<(), (&'a Ask, String)> {
        for ask in asks {
            match role.judge(ask) {
                Verdict::Allowed(grants) => match self.used.get_mut(function) {
                    Some(used) => used.extend(grants),
                    None => {
                        self.used.insert(function.to_owned(), grants.into_iter().collect());
                    }
                },
                Verdict::Denied(by) => {
                    let because = match by {
                        Some(sid) => format!("with an explicit deny in an identity-based policy ({sid})"),
                        None => format!("because no identity-based policy allows the {} action", ask.action),
                    };
                    let (action, resource) = (&ask.action, &ask.resource);
                    let said =
                        format!("is not authorized to perform: {action} on resource: {resource} {because}");
                    return Err((ask, said));
                }
            }
        }
        Ok(())
    }
}

/// What IAM asks about a call, in the account as it is. All of it must be allowed.
pub fn asks(world: &World, service: &str, operation: &str, request: &Request) -> Vec<Ask> {
    match service {
        // The response bucket: whoever holds a presigned URL may use it.
        "s3" => Vec::new(),
        "rds" => rds::asks(world, operation, request),
        "kms" => keys::asks(world, operation, request),
        "secretsmanager" => secrets::asks(world, operation, request),
        _ => others::asks(world, service, operation, request),
    }
}

impl World {
    /// Why the role of the function that makes a call does not let it through, in AWS's words.
    pub(crate) fn denial(
        &mut self,
        service: &str,
        operation: &str,
        request: &Request,
        invocation: Option<u64>,
    ) -> Option<String> {
        let Some(invocation) = invocation else { return self.persons_denial(service, operation, request) };
        let function = &self.functions.record(invocation)?.function;
        let role = Arc::clone(self.iam.role_of(function)?);
        let function = function.clone();
        let asks = asks(self, service, operation, request);
        let (ask, denied) = self.iam.judge(&function, &role, &asks).err()?;
        let (partition, account) = (&self.config.partition, &self.config.account);
        let name = &role.name;
        if !self.is_gone(ask) {
            self.violations.push(format!("{function} ({name}) {denied}"));
        }
        Some(format!("User: arn:{partition}:sts::{account}:assumed-role/{name}/{function} {denied}"))
    }

    /// The same for a person with policies.
    fn persons_denial(&mut self, service: &str, operation: &str, request: &Request) -> Option<String> {
        let key = request.access_key()?;
        // Everybody may ask who they are.
        let person = self.iam.people.get(key).filter(|_| service != "sts")?;
        let (name, policies) = (person.name.clone(), Arc::clone(person.policies.as_ref()?));
        let asks = asks(self, service, operation, request);
        let (_, denied) = self.iam.judge(&name, &policies, &asks).err()?;
        Some(format!("User: {} {denied}", api::user_arn(&self.config, &name)))
    }

    /// Whether it is about deleting what is not there (any more): a repeated deletion finds no tags, so it is denied, and nobody is
    /// to blame.
    fn is_gone(&self, ask: &Ask) -> bool {
        let name = ask.resource.rsplit(':').next().unwrap_or_default();
        match ask.action.as_ref() {
            "rds:DeleteDBCluster" => self.rds.cluster(name).is_none(),
            "rds:DeleteDBInstance" => self.rds.instance(name).is_none(),
            "rds:DeleteDBClusterSnapshot" => self.rds.snapshot(name).is_none(),
            "secretsmanager:DeleteSecret" => self.secrets.secret(&ask.resource).is_none(),
            _ => false,
        }
    }
}
