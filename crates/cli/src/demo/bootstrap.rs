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
    // What cargo says of the package that it runs is not for the packages that are built: build scripts (ring's) look at these,
    // and would run again each time.
    for (name, _) in env::vars_os().filter(|(name, _)| is_of_one_package(&name.to_string_lossy())) {
        command.env_remove(name);
    }
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

/// Whether a variable of the environment is about the package that cargo runs; others (`CARGO_HOME`, `CARGO_TARGET_DIR`)
/// are the user's.
fn is_of_one_package(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
    const NAMES: [&str; 5] =
        ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR", "OUT_DIR"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
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

#[cfg(test)]
mod tests {
    use super::is_of_one_package;

    #[test]
    fn the_users_own_settings_of_cargo_stay() {
        for name in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_BIN_EXE_x", "OUT_DIR"] {
            assert!(is_of_one_package(name), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "RUSTFLAGS", "PATH"] {
            assert!(!is_of_one_package(name), "{name}");
        }
    }
}
