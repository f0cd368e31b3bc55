//! A World with helpers to call RDS and to read its XML.

use aurora_clone_sim::http::Response;
use aurora_clone_sim::rds::{Choice, SeedCluster, Settings, record_responses};
use aurora_clone_sim::world::Outcome;
use aurora_clone_sim::{Config, Fault, FaultKind, Origin, Target, World, query};
use chrono::Duration;

pub const MANAGER: &str = "AKIAMANAGER";
pub const STRANGER: &str = "AKIASTRANGER";

/// Records its answers when it is dropped, if `SIM_RECORD_DIR` says where.
pub struct Room {
    pub world: World,
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(dir) = std::env::var_os("SIM_RECORD_DIR") {
            record_responses(&self.world, dir).unwrap();
        }
    }
}

/// Every open question answered with yes, and no lag before a change starts.
pub fn settings() -> Settings {
    Settings {
        modify_lag_seconds: 0..=0,
        instance_while_creating: Choice::Accept,
        delete_while_creating: Choice::Accept,
        restore_from_busy: Choice::Accept,
        clone_of_stopped: Choice::Accept,
        delete_snapshot_in_use: Choice::Accept,
        snapshot_shows_backing_up: Choice::Refuse,
        snapshot_keeps_version: Choice::Accept,
        ..Settings::default()
    }
}

pub fn seed(id: &str) -> SeedCluster {
    SeedCluster { id: id.to_owned(), ..SeedCluster::default() }
}

impl Room {
    pub fn new() -> Self {
        Self::with(settings())
    }

    pub fn with(rds: Settings) -> Self {
        Self { world: World::new(Config { rds, ..Config::default() }) }
    }

    /// A room with the source `prod`, which a stranger made.
    pub fn with_prod() -> Self {
        let mut room = Self::new();
        room.world.rds.seed_cluster(seed("prod"));
        room
    }

    pub fn call(&mut self, key: &str, operation: &str, parameters: &[(&str, &str)]) -> Response {
        self.world.call_as(key, operation, parameters)
    }

    /// A call by the manager that must succeed.
    pub fn ok(&mut self, operation: &str, parameters: &[(&str, &str)]) -> String {
        self.ok_as(MANAGER, operation, parameters)
    }

    pub fn ok_as(&mut self, key: &str, operation: &str, parameters: &[(&str, &str)]) -> String {
        let response = self.call(key, operation, parameters);
        let body = text(&response);
        assert_eq!(response.status, 200, "{operation} {parameters:?}: {body}");
        check_well_formed(&body);
        body
    }

    /// A call that must be refused with this status and code; returns the message.
    pub fn refused(
        &mut self,
        status: u16,
        code: &str,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        let response = self.call(STRANGER, operation, parameters);
        let body = text(&response);
        assert_eq!(
            (response.status, element(&body, "Code").as_str()),
            (status, code),
            "{operation} {parameters:?}: {body}"
        );
        check_well_formed(&body);
        element(&body, "Message")
    }

    /// Restores by `RestoreType`, with further parameters.
    pub fn restore(
        &mut self,
        key: &str,
        id: &str,
        source: &str,
        kind: &str,
        more: &[(&str, &str)],
    ) -> String {
        let parameters = with(&restore_parameters(id, source, kind), more);
        self.ok_as(key, "RestoreDBClusterToPointInTime", &parameters)
    }

    pub fn clone_of(&mut self, key: &str, id: &str, source: &str) -> String {
        self.restore(key, id, source, "copy-on-write", &[])
    }

    pub fn add_instance(&mut self, key: &str, id: &str, cluster: &str) -> String {
        self.ok_as(
            key,
            "CreateDBInstance",
            &[
                ("DBInstanceIdentifier", id),
                ("DBClusterIdentifier", cluster),
                ("DBInstanceClass", "db.r6g.large"),
                ("Engine", "aurora-postgresql"),
            ],
        )
    }

    pub fn wait(&mut self, duration: Duration) {
        let to = self.world.now() + duration;
        self.world.advance_to(to);
    }

    pub fn status(&self, id: &str) -> &str {
        self.world.rds.cluster(id).map_or("gone", |cluster| cluster.status.as_str())
    }

    pub fn instance_status(&self, id: &str) -> &str {
        self.world.rds.instance(id).map_or("gone", |instance| instance.status.as_str())
    }

    /// A describe that is answered from the state of so long ago.
    pub fn stale(&mut self, age: Duration, operation: &'static str, parameters: &[(&str, &str)]) -> Response {
        self.world
            .set_faults(vec![Fault { target: Target::Every(operation), kind: FaultKind::StaleRead(age) }]);
        let request = query::request(&self.world.config, MANAGER, operation, parameters);
        let outcome = self.world.handle(&request, &Origin { invocation: None, faultable: true });
        self.world.set_faults(Vec::new());
        match outcome {
            Outcome::Reply(response, _) => response,
            other => panic!("{other:?}"),
        }
    }
}

/// The helpers below look for text only, so a broken document would slip through them.
fn check_well_formed(xml: &str) {
    assert!(!xml.contains(char::is_control), "{xml:?}");
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut depth = 0;
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(_) => depth += 1,
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{xml}");
}

pub fn restore_parameters<'a>(id: &'a str, source: &'a str, kind: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("DBClusterIdentifier", id),
        ("SourceDBClusterIdentifier", source),
        ("RestoreType", kind),
        ("UseLatestRestorableTime", "true"),
    ]
}

/// `base`, where `more` replaces parameters of the same name; an empty value takes one away.
pub fn with<'a>(base: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = base.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    kept.chain(more.iter().filter(|(_, value)| !value.is_empty())).copied().collect()
}

pub fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

/// The text of the first element of this name; empty when there is none.
pub fn element(xml: &str, name: &str) -> String {
    elements(xml, name).into_iter().next().unwrap_or_default()
}

/// The texts of all elements of this name.
pub fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).map(|rest| rest.split(&close).next().unwrap_or_default().to_owned()).collect()
}
