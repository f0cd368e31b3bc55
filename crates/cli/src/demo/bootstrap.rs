//! Where the function's executable comes from: cargo builds it, with the features and the profile of this very binary, so that
//! nothing big compiles twice.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::failure::Failure;

const NAME: &str = "bootstrap";

/// The executable: built by cargo where cargo runs us, otherwise the one beside us.
pub async fn executable() -> Result<PathBuf, Failure> {
    let ourselves = env::current_exe()?;
    match env::var_os("CARGO") {
        Some(cargo) => build(Path::new(&cargo), &workspace(&ourselves)?).await,
        None => beside(&ourselves),
    }
}

/// The workspace that we were built in: above the package that cargo runs, or above the executable.
fn workspace(ourselves: &Path) -> Result<PathBuf, Failure> {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let places = package.iter().map(PathBuf::as_path).chain([ourselves]);
    places
        .flat_map(Path::ancestors)
        .find(|directory| directory.join("crates/lambda/Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            Failure::new("the workspace of Aurora Clone Manager is not found: run `cargo demo` in it")
        })
}

async fn build(cargo: &Path, workspace: &Path) -> Result<PathBuf, Failure> {
    let mut command = Command::new(cargo);
    command.arg("build").args(["--bin", NAME, "--message-format", "json-render-diagnostics"]);
    command.arg("--manifest-path").arg(workspace.join("Cargo.toml"));
    // With all members, as `cargo run --bin` has it: a selection of packages may have other features.
    command.arg("--workspace");
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let built = command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output().await?;
    if !built.status.success() {
        return Err(Failure::new(format!("cargo could not build {NAME}: {}", built.status)));
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    let found =
        messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
            let ours = message["reason"] == "compiler-artifact" && message["target"]["name"] == NAME;
            message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
        });
    found.ok_or_else(|| Failure::new(format!("cargo does not say where it built {NAME}")))
}

fn beside(ourselves: &Path) -> Result<PathBuf, Failure> {
    let path = ourselves.with_file_name(format!("{NAME}{}", env::consts::EXE_SUFFIX));
    if path.is_file() {
        return Ok(path);
    }
    Err(Failure::new(format!(
        "there is no {}: run `cargo demo` in the workspace, which builds it",
        path.display()
    )))
}
