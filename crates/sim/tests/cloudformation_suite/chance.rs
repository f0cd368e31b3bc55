//! Many stacks whose functions answer by chance: whatever happens, a stack settles, and nothing that was made is
//! forgotten.

use std::collections::BTreeSet;

use aurora_clone_sim::rng::Rng;
use serde_json::{Value, json};

use crate::lab::{Lab, and_fail, template};

struct Run {
    lab: Lab,
    chance: Rng,
    seed: u64,
    /// Physical ids that CloudFormation was told of, by an answer that counted.
    made: BTreeSet<String>,
    /// Physical ids that CloudFormation asked to delete.
    asked: BTreeSet<String>,
    old: Vec<Value>,
    number: u32,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut chance = Rng::new(seed);
        let lab = Lab::with(|settings| {
            settings.invented_id_on_cancel = chance.between(0, 2) > 0;
            settings.same_request_id_on_retry = chance.between(0, 3) == 0;
            settings.reverse_update_after_replacement = chance.between(0, 1) == 0;
            settings.failed_update_changes_id = chance.between(0, 1) == 0;
            settings.forgets_removed_resources = chance.between(0, 1) == 0;
        });
        Self { lab, chance, seed, made: BTreeSet::new(), asked: BTreeSet::new(), old: Vec::new(), number: 0 }
    }

    fn text(&mut self) -> String {
        let mut p = || self.chance.between(0, 2);
        let (a, b, c) =
            (format!("ServiceTimeout: 60, P: {}", p()), format!("ServiceTimeout: 60, P: {}", p()), p());
        let c = format!("ServiceTimeout: 60, P: {c}|DependsOn: A");
        let mut resources = vec![("A", a.as_str()), ("B", b.as_str()), ("C", c.as_str())];
        if p() == 0 {
            resources.remove(1);
        }
        let text = template(&resources);
        let bad = self.chance.between(0, 2);
        if bad == 0 { and_fail(&text, 20, "") } else { text }
    }

    /// Answers by chance until the stack settles; `kind` answers are all SUCCESS.
    fn settle(&mut self, kind: bool) {
        for _ in 0..2000 {
            while let Some(event) = (!self.lab.inbox.is_empty()).then(|| self.lab.inbox.remove(0)) {
                if event["RequestType"] == "Delete" {
                    self.asked.insert(event["PhysicalResourceId"].as_str().expect("an id").to_owned());
                }
                self.react(&event, kind);
            }
            if self.lab.cfn.is_settled("s") {
                return;
            }
            self.lab.pass(7);
        }
        panic!("seed {}: still {}", self.seed, self.lab.status());
    }

    fn react(&mut self, event: &Value, kind: bool) {
        self.number += 1;
        let fresh = format!("id-{}", self.number);
        let id = match event["PhysicalResourceId"].as_str() {
            Some(id) if event["RequestType"] == "Delete" || self.chance.between(0, 1) == 0 => id.to_owned(),
            _ => fresh,
        };
        let fate = if kind { 0 } else { self.chance.between(0, 9) };
        match fate {
            0..=5 => self.answer(event, "SUCCESS", &id),
            6..=7 => self.answer(event, "FAILED", &id),
            _ => {}
        }
        self.old.push(event.clone());
        let at = usize::try_from(self.chance.between(0, 50)).unwrap_or_default();
        if let Some(late) = self.old.get(at).cloned() {
            self.number += 1;
            let late_id = format!("id-{}", self.number);
            self.answer(&late, "SUCCESS", &late_id);
        }
    }

    fn answer(&mut self, event: &Value, status: &str, id: &str) {
        self.lab.answer(event, &json!({"Status": status, "PhysicalResourceId": id}));
        let counted = self.lab.cfn.received().last().is_some_and(|received| received.counted);
        let tells = match event["RequestType"].as_str() {
            Some("Create") => true,
            Some("Update") => status == "SUCCESS" || self.lab.config.cloudformation.failed_update_changes_id,
            _ => false,
        };
        if counted && tells {
            self.made.insert(id.to_owned());
        }
    }
}

#[test]
fn every_stack_settles_and_forgets_nothing() {
    let mut ends = BTreeSet::new();
    for seed in 0..400 {
        let mut run = Run::new(seed);
        let text = run.text();
        run.lab.create(&text);
        run.settle(seed % 2 == 0);
        ends.insert(run.lab.status().to_owned());
        for _ in 0..4 {
            let text = run.text();
            if run.lab.try_update("s", &text).is_ok() {
                run.settle(false);
            }
            ends.insert(run.lab.status().to_owned());
        }
        for attempt in 0..3 {
            run.lab.delete("s");
            run.settle(attempt > 0);
        }
        assert_eq!(run.lab.status(), "DELETE_COMPLETE", "seed {seed}");
        let forgotten: Vec<&String> = run.made.difference(&run.asked).collect();
        assert!(forgotten.is_empty(), "seed {seed}: {forgotten:?}\n{:#?}", run.lab.history(0));
    }
    let expected = [
        "CREATE_COMPLETE",
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_FAILED",
    ];
    assert!(expected.iter().all(|status| ends.contains(*status)), "{ends:?}");
}
