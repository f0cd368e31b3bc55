//! The real `clone-handler` in a simulated account on loopback: for scripts that an account's owner runs, with the real AWS CLI.
//!
//! The first line on standard output is the address. The account has the stack `aurora-clone-manager`, as far as others see it, the
//! cluster `prod`, and `staging`, which nobody protects. Time skips what nobody has to wait for. Ends when standard input is closed.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::Read as _;

use aurora_clone_core::names::env;
use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_sim::serve::serve;
use aurora_clone_sim::{Config, Sim};
use aurora_clone_tests::{House, function_arn, furnished};
use tokio::net::TcpListener;

const MANAGER: &str = "aurora-clone-manager";
const MANAGER_STACK: &str = "
Parameters:
  Function:
    Type: String
Resources:
  PoolMaintainer:
    Type: AWS::Lambda::Function
Outputs:
  LambdaArn:
    Value: !Ref Function
    Export: { Name: !Sub '${AWS::StackName}-LambdaArn' }
  MaintainerName:
    Value: !Ref PoolMaintainer
    Export: { Name: !Sub '${AWS::StackName}-MaintainerName' }
";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let operator = [(env::MANAGER, MANAGER), (env::SLOT_MARGIN, "1")];
    let (world, state_machine) = furnished(Config::default(), &operator, |world| {
        world.rds.seed_cluster(SeedCluster { id: "staging".to_owned(), ..SeedCluster::default() });
        let given = [("Function".to_owned(), function_arn(&world.config))].into();
        world.settle(|services, cx| {
            let service = &mut services.cloudformation;
            service.create_stack(cx, MANAGER, MANAGER_STACK, &given, &StackOptions::default()).unwrap();
        });
    });
    let sim = Sim::skipping(world);
    let house = House::over(sim, state_machine, &operator);
    println!("http://{}", listener.local_addr().unwrap());
    // A thread, since reading a pipe can't be given up.
    let (closed, is_closed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = closed.send(());
    });
    tokio::select! {
        () = serve(house.sim.clone(), listener) => {}
        _ = is_closed => {}
    }
}
