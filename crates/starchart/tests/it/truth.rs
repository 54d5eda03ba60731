//! Helpers that compare the pages, the zone and DNS answers, and run verbs of the binary.

use starchart_testkit::wait::{completes, eventually};
use std::collections::{BTreeMap, BTreeSet};

use starchart_testkit::html::unescape;

use crate::app::{App, ROOT, TestEnv};
use crate::browser::{Browser, Page, identity};

/// A record on its owner's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: String,
    pub name: String,
    pub rtype: String,
    pub value: String,
    /// The state: `saved`, `sent`, `in_sync`, `answering`, `answered` or `refused`.
    pub key: String,
    /// The state as the page shows it.
    pub words: String,
}

impl Browser {
    /// Returns the records on the user's page.
    pub async fn rows(&mut self) -> Vec<Row> {
        let page = self.get("/dns-records").await;
        assert_eq!(page.status, 200, "{}", page.body);
        let rows = page
            .body
            .split("<tr role=\"row\">")
            .filter(|row| row.contains("data-record=\""));
        rows.map(row).collect()
    }

    /// Returns the first record of this name and type.
    pub async fn row(&mut self, name: &str, rtype: &str) -> Option<Row> {
        self.rows()
            .await
            .into_iter()
            .find(|row| row.name == name && row.rtype == rtype)
    }

    /// Opens the record's form, changes type and value, and saves it.
    pub async fn edit(&mut self, id: &str, rtype: &str, value: &str) -> Page {
        self.change(id, &[("type", rtype), ("value", value)]).await
    }

    /// Opens the record's form, changes these fields, and saves it.
    pub async fn change(&mut self, id: &str, fields: &[(&str, &str)]) -> Page {
        let path = format!("/dns-records/{id}");
        let form = self.get(&path).await.form(&path);
        let form = fields
            .iter()
            .fold(form, |form, (name, value)| form.with(name, value));
        self.submit(&form).await
    }

    /// Deletes the record on the page that asks for confirmation.
    pub async fn delete(&mut self, id: &str) -> Page {
        let page = self.get(&format!("/dns-records/{id}/delete")).await;
        self.submit(&page.form("/dns-records")).await
    }
}

fn row(html: &str) -> Row {
    let between = |from: &str, to: &str| {
        let after = html
            .split_once(from)
            .unwrap_or_else(|| panic!("no {from} in {html}"))
            .1;
        unescape(
            after
                .split_once(to)
                .unwrap_or_else(|| panic!("no {to} in {html}"))
                .0,
        )
    };
    Row {
        id: between("data-record=\"", "\""),
        name: between("data-name=\"", "\""),
        rtype: between("class=\"tag\">", "<"),
        value: between("class=\"value literal\">", "</div>"),
        key: between("data-state=\"", "\""),
        words: between("data-settled=\"", "</span>")
            .split_once('>')
            .unwrap()
            .1
            .to_owned(),
    }
}

/// Signs in a user at this process.
pub async fn signed_in(env: &TestEnv, app: &App, username: &str) -> Browser {
    let mut browser = app.browser();
    let home = browser
        .sign_in(&env.idp, &identity(username, &["students"]))
        .await;
    assert_eq!(home.status, 200, "{}", home.body);
    browser
}

/// Returns what `dig +short` prints for a name and type at the zone's name server.
pub async fn dig(env: &TestEnv, name: &str, rtype: &str) -> Vec<String> {
    dig_with(env, &["+short"], name, rtype).await
}

/// Returns the TTLs of the answer's records, in seconds.
pub async fn dig_ttls(env: &TestEnv, name: &str, rtype: &str) -> Vec<u32> {
    let records = dig_with(env, &["+noall", "+answer"], name, rtype).await;
    let ttl = |line: &String| line.split_whitespace().nth(1)?.parse().ok();
    records.iter().map(|line| ttl(line).unwrap()).collect()
}

async fn dig_with(env: &TestEnv, show: &[&str], name: &str, rtype: &str) -> Vec<String> {
    let server = env.zone.dns_addr();
    let output = tokio::process::Command::new("dig")
        .args(show)
        .args([
            "+time=2",
            "+tries=2",
            &format!("@{}", server.ip()),
            "-p",
            &server.port().to_string(),
            name,
            rtype,
        ])
        .output()
        .await
        .expect("dig is installed by script/test");
    assert!(
        output.status.success(),
        "dig: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The result of a command that has ended.
pub struct Ended {
    pub code: i32,
    /// Standard output without log lines.
    pub out: String,
    /// Standard output and standard error.
    pub all: String,
}

/// Runs a verb of the binary to its end.
pub async fn verb(env: &TestEnv, arguments: &[&str]) -> Ended {
    ended(env.command(arguments)).await
}

/// Runs a command to its end.
pub async fn ended(mut command: tokio::process::Command) -> Ended {
    let what = format!("{:?} to end", command.as_std().get_program());
    let output = completes(&what, command.output()).await.unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    let all = out.clone() + &err;
    let out = out
        .lines()
        .filter(|line| !line.starts_with('{'))
        .collect::<Vec<_>>()
        .join("\n");
    Ended {
        code: output.status.code().unwrap_or(-1),
        out,
        all,
    }
}

/// Returns the RRsets of the zone without those of its apex: name, type and values.
pub fn zone_sets(env: &TestEnv) -> BTreeMap<(String, String), BTreeSet<String>> {
    let sets = env.zone.sets().into_iter().filter(|set| set.name != ROOT);
    sets.map(|set| ((set.name, set.rtype), set.values))
        .collect()
}

/// Waits as [`zone_becomes_pages`] does, and checks that `reconcile --dry-run` finds no difference.
pub async fn zone_equals_pages(env: &TestEnv, browsers: &mut [Browser]) {
    zone_becomes_pages(env, browsers).await;
    no_difference(env).await;
}

/// Waits until the zone has exactly the records on the users' pages (A and CNAME).
pub async fn zone_becomes_pages(env: &TestEnv, browsers: &mut [Browser]) {
    eventually("the zone to hold what the pages list", async || {
        let mut wanted: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for browser in browsers.iter_mut() {
            for row in browser.rows().await {
                let dot = if row.rtype == "CNAME" { "." } else { "" };
                wanted
                    .entry((row.name, row.rtype))
                    .or_default()
                    .insert(row.value + dot);
            }
        }
        let zone = zone_sets(env);
        if zone == wanted {
            return Ok(());
        }
        let odd: Vec<_> = zone
            .iter()
            .filter(|(key, set)| wanted.get(*key) != Some(set))
            .take(5)
            .collect();
        let missing: Vec<_> = wanted
            .iter()
            .filter(|(key, _)| !zone.contains_key(*key))
            .take(5)
            .collect();
        Err(format!("in the zone {odd:?}, missing {missing:?}"))
    })
    .await;
}

/// Checks that `reconcile --dry-run` finds no difference.
pub async fn no_difference(env: &TestEnv) {
    let found = verb(env, &["reconcile", "--dry-run"]).await;
    assert_eq!(found.code, 0, "{}", found.all);
    assert!(
        found.out.ends_with("\n0 differences; nothing was changed"),
        "{}",
        found.all
    );
    for more in [
        "about to be published",
        "refused",
        "blocked by",
        "held by",
        "held until",
    ] {
        assert!(!found.out.contains(more), "{more}: {}", found.all);
    }
}

/// Writes a number in two letters, because the form refuses offensive words, also those that digits
/// resemble.
pub fn label_of(number: usize) -> String {
    format!("host-{number:b}")
        .replace('0', "m")
        .replace('1', "n")
}

/// Inserts `count` A records `PREFIX-1`, `PREFIX-2`, … of the user with this label, all
/// unpublished: the next sweep finds them.
pub async fn insert_records(env: &TestEnv, label: &str, prefix: &str, count: usize) {
    let names = (1..=count).map(|n| {
        (
            format!("{prefix}-{n}.{label}.{ROOT}"),
            format!("10.1.{}.{}", n / 250, n % 250 + 1),
        )
    });
    let mut rows = Vec::new();
    let mut records = Vec::new();
    for (name, value) in names {
        rows.push(format!("('{name}', @u, 'other', 1, 1, 1, 1)"));
        records.push(format!(
            "('{name}', 'other', @u, 'A', '{value}', '{value}', \
             UNHEX(SHA2('{value}', 256)), 300, 1, 1, 9999999999999)"
        ));
    }
    let sql = format!(
        "SET @u = (SELECT id FROM users WHERE label = '{label}'); START TRANSACTION; \
         INSERT INTO names \
         (fqdn, user_id, class, generation, unpublished_since, created_at, updated_at) \
         VALUES {}; \
         INSERT INTO dns_records (fqdn, class, user_id, type, input, presentation, value_hash, \
         ttl, created_at, updated_at, expires_at) \
         VALUES {}; COMMIT",
        rows.join(","),
        records.join(",")
    );
    env.db.run(&sql).await;
}
