//! The engine inside a World.

use aurora_clone_sim::cloudformation::{Given, StackOptions};
use aurora_clone_sim::{Config, World};
use chrono::Duration;

use crate::lab::template;

#[test]
fn the_world_s_clock_drives_the_engine() {
    let mut world = World::new(Config::default());
    world.functions.register("clone-handler", Duration::seconds(30));
    let text = template(&[("A", "ServiceTimeout: 60")]);
    let options = StackOptions::default();
    world
        .settle(|services, cx| services.cloudformation.create_stack(cx, "s", &text, &Given::new(), &options))
        .expect("created");
    assert!(!world.cloudformation.is_settled("s"));
    let start = world.now();
    world.advance_to(start + Duration::seconds(60));
    assert_eq!(
        world.cloudformation.resource("s", "A").map(|a| a.status.as_str()),
        Some("CREATE_IN_PROGRESS")
    );
    world.advance_to(start + Duration::seconds(61));
    assert_eq!(world.cloudformation.resource("s", "A").map(|a| a.status.as_str()), Some("CREATE_FAILED"));
    world.advance_to(start + Duration::seconds(600));
    assert_eq!(world.cloudformation.stack("s").map(|s| s.status.as_str()), Some("ROLLBACK_FAILED"));
    let answer = world.call_as("AKIAHUMAN", "DescribeStacks", &[("StackName", "s")]);
    assert_eq!(answer.status, 200);
}
