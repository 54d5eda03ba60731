//! Tells the binary which commit it was built from, and when.

#![expect(
    clippy::disallowed_methods,
    reason = "what the build is told, not what the program reads"
)]

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    // An image is built without the repository: its build arguments say both.
    let commit = std::env::var("STARCHART_COMMIT")
        .ok()
        .filter(|c| !c.is_empty())
        .or_else(git)
        .unwrap_or_default();
    let built = std::env::var("STARCHART_BUILT_AT")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or_else(now);
    println!("cargo:rustc-env=STARCHART_COMMIT={commit}");
    println!("cargo:rustc-env=STARCHART_BUILT={built}");
    println!("cargo:rerun-if-env-changed=STARCHART_COMMIT");
    println!("cargo:rerun-if-env-changed=STARCHART_BUILT_AT");
    if let Some(folder) = run(&["rev-parse", "--absolute-git-dir"]) {
        println!("cargo:rerun-if-changed={folder}/HEAD");
        println!("cargo:rerun-if-changed={folder}/logs/HEAD");
    }
}

fn git() -> Option<String> {
    run(&["rev-parse", "--short=12", "HEAD"])
}

fn run(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}
