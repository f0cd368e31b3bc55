//! The program `aurora-clone`; what it does is in the library.

use std::process::ExitCode;

use aurora_clone::surroundings::Surroundings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let code = aurora_clone::run(std::env::args_os(), &mut Surroundings::of_process()).await;
    ExitCode::from(code)
}
