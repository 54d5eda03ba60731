//! Requests that schemathesis makes from the served OpenAPI document: valid ones, ones at the
//! limits of what is valid, and broken ones. No answer is a fault of ours, and each is described.

use serde_json::{Value, json};
use starchart_testkit::server::scratch;

use crate::app::TestEnv;
use crate::challenges::token_for;
use crate::truth::signed_in;

/// The program; script/test installs it.
const PROGRAM: &str = "STARCHART_TEST_SCHEMATHESIS";
/// Requests of each operation at most, in each phase.
const EXAMPLES: &str = "20";

#[expect(
    clippy::disallowed_methods,
    reason = "script/test says where the program is"
)]
fn program() -> String {
    std::env::var(PROGRAM).unwrap_or_else(|_| panic!("{PROGRAM}: script/test sets it"))
}

/// The rights of a token that may do everything.
fn all_rights() -> Value {
    json!({
        "records": [{"access": "write", "names": "all", "types": []}],
        "certificate": {"read": true, "read_key": true, "request": true},
    })
}

#[tokio::test]
async fn every_answer_is_described_whatever_is_asked() {
    let env = TestEnv::new()
        .await
        .set("API_REQUESTS_PER_MINUTE", "1000000")
        .set("USER_DNS_RECORD_LIMIT", "1000");
    let pages = env.start().await;
    signed_in(&env, &pages, "user1").await;
    let token = token_for(&env, "user1", &all_rights()).await;
    // Its host is that of the requests.
    let env = env.set("APP_URL", "https://127.0.0.1");
    let api = env.start().await;
    let origin = format!("http://127.0.0.1:{}", api.port);
    let mut command = tokio::process::Command::new(program());
    command
        .args([
            "run",
            &format!("{origin}/api/openapi.json"),
            "--url",
            &origin,
        ])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args([
            "--checks",
            "all",
            "--mode",
            "all",
            "--max-examples",
            EXAMPLES,
        ])
        // No schema says which values a record can have.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--seed",
            "1",
            "--no-color",
        ])
        .args(["--continue-on-failure", "--generation-database", "none"])
        // It would end the token of all requests.
        .args(["--exclude-operation-id", "delete_auth_tokens_id"])
        .current_dir(scratch("schemathesis"))
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    println!(
        "{}",
        text.lines().rev().take(12).collect::<Vec<_>>().join("\n")
    );
}
