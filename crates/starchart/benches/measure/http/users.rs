//! Users who are signed in through SAML and have records that reached the zone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use starchart_testkit::wait::{equal, eventually_within};

use crate::app::{App, TestEnv};
use crate::browser::{Browser, identity};

/// How long it may take until the name servers answer with all records.
const LIMIT: Duration = Duration::from_secs(600);

/// A group of users with the same number of records.
pub struct Users {
    browsers: Vec<Browser>,
    /// One line a user for request.lua: session cookie, CSRF token and owner field.
    pub file: PathBuf,
    /// One line a user for the floor: the hash of the session's token.
    pub floor_file: PathBuf,
}

impl Users {
    /// Signs in `count` users, who create `records` records each through the form.
    pub async fn create(
        env: &TestEnv,
        app: &App,
        name: &str,
        count: usize,
        records: usize,
        folder: &Path,
    ) -> Self {
        let mut browsers = Vec::new();
        let mut lines = String::new();
        let mut floor_lines = String::new();
        for number in 0..count {
            let mut browser = app.browser();
            browser
                .sign_in(
                    &env.idp,
                    &identity(&format!("{name}{number}"), &["students"]),
                )
                .await;
            let form = browser
                .get("/dns-records/new")
                .await
                .form("/dns-records/new");
            for record in 0..records {
                let (rtype, value) = value(record);
                let form = form
                    .clone()
                    .with("subdomain", &format!("host{record}"))
                    .with("type", rtype)
                    .with("value", value)
                    .with(
                        "description",
                        if record % 3 == 0 {
                            "the project of my team"
                        } else {
                            ""
                        },
                    );
                let page = browser.submit(&form).await;
                assert_eq!(page.status, 303, "{}", page.body);
            }
            let cookie = browser.session().expect("a session");
            let encoded = |field: &str| {
                url::form_urlencoded::byte_serialize(form.value(field).unwrap().as_bytes())
                    .collect::<String>()
            };
            lines += &format!(
                "{}={cookie}\t{}\t{}\n",
                crate::browser::SESSION,
                encoded("csrf_token"),
                encoded("owner")
            );
            let hash = hex::encode(Sha256::digest(cookie.as_bytes()));
            floor_lines += &format!("{hash}\t\t\n");
            browsers.push(browser);
        }
        let file = folder.join(format!("{name}.users"));
        let floor_file = folder.join(format!("{name}.floor"));
        std::fs::write(&file, lines).unwrap();
        std::fs::write(&floor_file, floor_lines).unwrap();
        Self {
            browsers,
            file,
            floor_file,
        }
    }

    /// Returns the browser of the first user.
    pub fn first(&self) -> Browser {
        self.browsers[0].clone()
    }
}

/// Returns type and value of a record: every type in turn, with typical values.
fn value(record: usize) -> (&'static str, &'static str) {
    match record % 5 {
        0 => ("A", "192.0.2.10"),
        1 => ("CNAME", "pages.hosting.example"),
        2 => ("TXT", "site-verification=3f9a1c5be7d04c8fa2b6"),
        3 => ("AAAA", "2001:db8:2026::10"),
        _ => ("MX", "mail.hosting.example"),
    }
}

/// Waits until the name servers answer with every record, so that pages no longer change.
pub async fn until_all_answered(env: &TestEnv) {
    let waiting =
        "SELECT COUNT(*) FROM names WHERE generation > applied_generation OR answered_by IS NULL";
    eventually_within(LIMIT, "every record answered", async || {
        equal(env.db.number(waiting).await, 0)
    })
    .await;
}
