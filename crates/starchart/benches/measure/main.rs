//! Measures the production build: `script/bench` runs `save`, `http`, `publish`, `sweep`,
//! `import` or `api`, each with or without `--quick`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program that prints what it measures"
)]
#![expect(
    unreachable_pub,
    dead_code,
    reason = "the test environment is shared with tests/it, which uses all of it"
)]

mod api;
#[path = "../../tests/it/app.rs"]
mod app;
#[path = "../../tests/it/browser.rs"]
mod browser;
mod http;
mod import;
mod process;
mod publish;
mod save;
mod sweep;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    // cargo adds `--bench`.
    let part = arguments
        .iter()
        .find(|argument| !argument.starts_with("--"));
    match part.map(String::as_str) {
        Some("save") => save::run().await,
        Some("http") => http::run(quick).await,
        Some("publish") => publish::run(quick).await,
        Some("sweep") => sweep::run(quick).await,
        Some("import") => import::run(quick).await,
        Some("api") => api::run(quick).await,
        _ => panic!("script/bench passes the part: save, http, publish, sweep, import or api"),
    }
}
