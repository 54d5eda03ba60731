//! What pages list, what the zone holds, what DNS answers; and that they are the same.

use starchart_testkit::wait::{completes, eventually};
use std::collections::{BTreeMap, BTreeSet};

use starchart_testkit::html::unescape;

use crate::app::{App, ROOT, TestEnv};
use crate::browser::{Browser, Page, person};

/// A record as its owner's page lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: String,
    pub name: String,
    pub rtype: String,
    pub value: String,
    /// `saved`, `sent`, `insync`, `answering`, `answered` or `refused`.
    pub key: String,
    /// The state in words.
    pub words: String,
}

impl Browser {
    /// The rows of the person's page.
    pub async fn rows(&mut self) -> Vec<Row> {
        let page = self.get("/dns-records").await;
        assert_eq!(page.status, 200, "{}", page.body);
        let rows = page
            .body
            .split("<tr role=\"row\">")
            .filter(|row| row.contains("data-record=\""));
        rows.map(row).collect()
    }

    /// The row of this name and type.
    pub async fn row(&mut self, name: &str, rtype: &str) -> Option<Row> {
        self.rows()
            .await
            .into_iter()
            .find(|row| row.name == name && row.rtype == rtype)
    }

    /// Opens the record's form, gives it another type and value, and saves it.
    pub async fn edit(&mut self, id: &str, rtype: &str, value: &str) -> Page {
        self.change(id, &[("type", rtype), ("value", value)]).await
    }

    /// Opens the record's form, fills in these fields anew, and saves it.
    pub async fn change(&mut self, id: &str, fields: &[(&str, &str)]) -> Page {
        let path = format!("/dns-records/{id}");
        let form = self.get(&path).await.form(&path);
        let form = fields
            .iter()
            .fold(form, |form, (name, value)| form.with(name, value));
        self.submit(&form).await
    }

    /// Deletes the record, through the page that asks.
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

/// Somebody who has signed in at this process.
pub async fn signed_in(env: &TestEnv, app: &App, username: &str) -> Browser {
    let mut browser = app.browser();
    let home = browser
        .sign_in(&env.idp, &person(username, &["students"]))
        .await;
    assert_eq!(home.status, 200, "{}", home.body);
    browser
}

/// What `dig` prints for a name and type at the zone's name server.
pub async fn dig(env: &TestEnv, name: &str, rtype: &str) -> Vec<String> {
    let server = env.zone.dns_addr();
    let output = tokio::process::Command::new("dig")
        .args([
            "+short",
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

/// A verb that has come to its end.
pub struct Ended {
    pub code: i32,
    /// Standard output without the log's lines.
    pub out: String,
    /// Everything that was printed.
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

/// The zone's sets but the apex's own NS and SOA: name, type and values.
pub fn zone_sets(env: &TestEnv) -> BTreeMap<(String, String), BTreeSet<String>> {
    let sets = env.zone.sets().into_iter().filter(|set| set.name != ROOT);
    sets.map(|set| ((set.name, set.rtype), set.values))
        .collect()
}

/// As [`zone_becomes_pages`], and `reconcile --dry-run` agrees.
pub async fn zone_equals_pages(env: &TestEnv, people: &mut [Browser]) {
    zone_becomes_pages(env, people).await;
    no_difference(env).await;
}

/// Waits until the zone holds exactly what the people's pages list (A records and CNAMEs).
pub async fn zone_becomes_pages(env: &TestEnv, people: &mut [Browser]) {
    eventually("the zone to hold what the pages list", async || {
        let mut wanted: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for browser in people.iter_mut() {
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

/// `reconcile --dry-run` finds nothing to do.
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

/// The label of a number, in two letters that spell nothing: the form refuses rude words, also
/// those read from digits.
pub fn label_of(number: usize) -> String {
    format!("host-{number:b}")
        .replace('0', "m")
        .replace('1', "n")
}

/// Puts `count` A records `PREFIX-1`, `PREFIX-2`, … straight into the rows of a person who has a
/// label, all dirty: the next sweep finds them.
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
            "('{name}', 'other', @u, 'A', '{value}', '{value}', UNHEX(SHA2('{value}', 256)), 300, 1, 1, 9999999999999)"
        ));
    }
    let sql = format!(
        "SET @u = (SELECT id FROM users WHERE label = '{label}'); START TRANSACTION; \
         INSERT INTO names (fqdn, user_id, class, generation, unpublished_since, created_at, updated_at) VALUES {}; \
         INSERT INTO dns_records (fqdn, class, user_id, type, input, presentation, value_hash, ttl, created_at, updated_at, expires_at) \
         VALUES {}; COMMIT",
        rows.join(","),
        records.join(",")
    );
    env.db.run(&sql).await;
}
