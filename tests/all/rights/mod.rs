//! What the roles of the template allow: against what the flows call (`flows`), against what a bug or an author could try (`cases`,
//! `calls`), and as they are written (`shape`).
//!
//! The judge is the simulator's (`aurora_clone_sim::iam`): it has to judge every call of every flow and tell which statement let it
//! through, which no crate does that we found. `iam-rs` is the fullest of them; young as it is, it is the second opinion on all cases
//! (`second_opinion`). `aws-iam` has had no release for years.

mod calls;
mod cases;
mod flows;
mod second_opinion;
mod shape;

use std::collections::BTreeMap;
use std::sync::Arc;

use aurora_clone_sim::Config;
use aurora_clone_sim::iam::Role;
use aurora_clone_tests::rights::{Names, role, template};

/// The roles that functions of the template have, by their logical ids, with the names of the simulated account.
fn roles() -> BTreeMap<&'static str, Arc<Role>> {
    let names = Names::new(&Config::default(), &[]);
    let resources = template()["Resources"].as_object().unwrap();
    let functions = resources.values().filter(|resource| resource["Type"] == "AWS::Lambda::Function");
    let ids = functions.map(|function| function["Properties"]["Role"]["Fn::GetAtt"][0].as_str().unwrap());
    ids.map(|id| (id, role(id, &names))).collect()
}
