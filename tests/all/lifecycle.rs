//! Create and delete, as CloudFormation drives them.

use aurora_clone_sim::{Config, World};
use aurora_clone_tests::{House, copy, strangers_clone};
use chrono::Duration;

fn fourteen_strangers(world: &mut World) {
    for n in 1..=14 {
        world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_gets_a_usable_clone_and_deleting_it_leaves_nothing() {
    let house = House::open();
    house.create("web", "SourceClusterId: prod");
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
    let ours = house.ours();
    assert_eq!(ours.len(), 1);
    house.look(|world| {
        let clone = world.rds.cluster(&ours[0]).unwrap();
        let prod = world.rds.cluster("prod").unwrap();
        assert!(clone.truth.copy_on_write);
        // What the restore call drops unless it is told.
        assert_eq!(clone.subnet_group, prod.subnet_group);
        assert_eq!(clone.security_groups, prod.security_groups);
        assert_eq!(clone.parameter_group, prod.parameter_group);
        assert_eq!((clone.port, clone.iam_auth), (prod.port, prod.iam_auth));
        assert!(!clone.deletion_protection);
        let resource = world.cloudformation.resource("web", "Clone").unwrap();
        let text = |name: &str| resource.data[name].as_str().unwrap().to_owned();
        assert_eq!(resource.physical_id.as_deref(), Some(clone.arn.as_str()));
        assert_eq!(text("Arn"), clone.arn);
        assert_eq!(text("ClusterId"), clone.id);
        assert_eq!(text("RestoreType"), "copy-on-write");
        assert_eq!(text("SourceArn"), prod.arn);
        assert_eq!(text("RootArn"), prod.arn);
        assert_eq!(text("ResourceId"), clone.resource_id);
        assert_eq!(text("Port"), "5432");
        assert!(world.cloudformation.output("web", "Endpoint").unwrap().starts_with(&clone.id));
    });
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_COMPLETE", "{}", house.story("web"));
    assert!(house.ours().is_empty());
    house.close().await;
    assert_eq!(house.ever_made(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_fifteenth_clone_is_the_roots_and_the_next_is_the_copys() {
    let house = House::with(Config::default(), 0, |world| {
        fourteen_strangers(world);
        let yesterday = world.now() - Duration::days(1);
        world.rds.seed_cluster(copy("clone-pool-1", "prod", yesterday));
    });
    for (stack, source) in [("a", "prod"), ("b", "clone-pool-1"), ("c", "clone-pool-1")] {
        house.create(stack, "SourceClusterId: prod");
        assert_eq!(house.settled(stack).await, "CREATE_COMPLETE", "{}", house.story(stack));
        house.look(|world| {
            let resource = world.cloudformation.resource(stack, "Clone").unwrap();
            assert!(resource.data["SourceArn"].as_str().unwrap().ends_with(source), "{stack}");
            assert!(resource.data["RootArn"].as_str().unwrap().ends_with(":prod"), "{stack}");
        });
    }
    house.close().await;
}
