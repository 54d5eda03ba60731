//! Edits, creations, undone changes, pasted records and zone files of one user at once, on two
//! processes: whatever wins, the rules hold and the zone follows.

use std::collections::BTreeMap;

use starchart_testkit::html::{Form, forms};

use crate::app::{App, ROOT, TestEnv};
use crate::browser::{Browser, Page};
use crate::truth::{label_of, signed_in, zone_equals_pages};

const LIMIT: usize = 20;
const HISTORY: &str = "/dns-records/history";
const PASTE: &str = "/dns-records/paste";
const ZONE_FILE: &str = "/dns-records/zone-file/compare";

/// Creates six records, edits three and deletes two, so that there is something to undo.
async fn prepare(browser: &mut Browser) {
    for n in 0..6 {
        let page = browser.create(&label_of(n), "A", "10.0.0.1").await;
        assert_eq!(page.status, 303, "{}", page.body);
    }
    let rows = browser.rows().await;
    for row in &rows[..3] {
        assert_eq!(browser.edit(&row.id, "A", "10.0.0.2").await.status, 303);
    }
    for row in &rows[4..] {
        assert_eq!(browser.delete(&row.id).await.status, 303);
    }
}

/// Returns ten different forms of a kind, filled in with what is shown now.
async fn filled(kind: &str, browser: &mut Browser) -> Vec<Form> {
    let rows = browser.rows().await;
    let mut filled = Vec::new();
    for n in 0..10 {
        let (rtype, value) = match n % 2 {
            0 => ("A", format!("10.1.0.{n}")),
            _ => ("CNAME", format!("host{n}.example.org")),
        };
        let name = label_of(n % 6);
        let form = match kind {
            "edit" => {
                let path = format!("/dns-records/{}", rows[n % rows.len()].id);
                let form = browser.get(&path).await.form(&path);
                form.with("type", rtype).with("value", &value)
            }
            "create" => {
                let path = "/dns-records/new";
                let form = browser.get(path).await.form(path);
                form.with("subdomain", &name)
                    .with("type", rtype)
                    .with("value", &value)
            }
            "undo" => {
                let page = browser.get(HISTORY).await;
                let all = forms(&page.body).into_iter();
                let mut undo = all.filter(|form| form.action == HISTORY).cycle();
                undo.nth(n).unwrap()
            }
            "paste" => {
                let text = format!("{name} {rtype} {value}\n{}.x A 10.2.0.{n}", label_of(n));
                read(browser, PASTE, "read", &text).await
            }
            _ => {
                let shown = browser.get(ZONE_FILE).await.form(ZONE_FILE);
                let own = shown.value("text").unwrap_or_default();
                let text = own.replace("10.0.0.", &format!("10.3.{n}."));
                read(browser, ZONE_FILE, "compare", &text).await
            }
        };
        filled.push(form);
    }
    filled
}

/// Posts a text and returns the form that saves what was read.
async fn read(browser: &mut Browser, path: &str, intent: &str, text: &str) -> Form {
    let shown = browser.get(path).await.form(path);
    let read = shown.with("intent", intent).with("text", text);
    let page = browser.submit(&read).await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.form(path)
}

/// Submits all forms at once, every other one to the other process.
async fn submit_all(
    browser: &Browser,
    apps: [&App; 2],
    forms: Vec<(&'static str, Form)>,
) -> Vec<(&'static str, Page)> {
    let mut changes = tokio::task::JoinSet::new();
    for (n, (kind, form)) in forms.into_iter().enumerate() {
        let mut browser = browser.at(apps[n % 2].port);
        changes.spawn(async move { (kind, browser.submit(&form).await) });
    }
    changes.join_all().await
}

#[tokio::test]
async fn fifty_changes_of_one_users_records_at_once_keep_every_rule() {
    let env = TestEnv::new()
        .await
        .set("USER_DNS_RECORD_LIMIT", &LIMIT.to_string())
        .set("RATE_LIMIT_RECORD_WRITES_PER_MINUTE", "1000");
    let one = env.start().await;
    let two = env.start().await;
    let mut browser = signed_in(&env, &one, "user1").await;
    prepare(&mut browser).await;
    let mut made = Vec::new();
    for kind in ["edit", "create", "undo", "paste", "zone file"] {
        let forms = filled(kind, &mut browser).await;
        made.extend(forms.into_iter().map(|form| (kind, form)));
    }
    // Kinds take turns, so that each of them is among the first.
    let mixed: Vec<_> = (0..10)
        .flat_map(|n| made.iter().skip(n).step_by(10).cloned())
        .collect();
    assert_eq!(mixed.len(), 50);
    let mut saved: BTreeMap<&str, usize> = BTreeMap::new();
    for (kind, page) in submit_all(&browser, [&one, &two], mixed).await {
        assert!(page.status < 500, "{kind}: {} {}", page.status, page.body);
        *saved.entry(kind).or_default() += usize::from(page.status == 303);
    }
    println!("saved: {saved:?}");
    assert!(saved.values().sum::<usize>() >= 10, "{saved:?}");

    let rows = browser.rows().await;
    assert!(rows.len() <= LIMIT, "{} records", rows.len());
    for row in rows.iter().filter(|row| row.rtype == "CNAME") {
        let beside = rows.iter().filter(|other| other.name == row.name).count();
        assert_eq!(beside, 1, "{row:?} is not alone: {rows:?}");
    }
    let mut values: Vec<_> = rows.iter().map(|row| (&row.name, &row.value)).collect();
    values.sort();
    values.dedup();
    assert_eq!(
        values.len(),
        rows.len(),
        "no record is there twice: {rows:?}"
    );
    assert!(
        rows.iter()
            .all(|row| row.name.ends_with(&format!(".user1.{ROOT}")))
    );
    let unknown = "SELECT COUNT(*) FROM dns_records r WHERE NOT EXISTS \
                   (SELECT 1 FROM record_history h WHERE h.record_id = r.id)";
    assert_eq!(
        env.db.number(unknown).await,
        0,
        "the history knows each record"
    );
    zone_equals_pages(&env, std::slice::from_mut(&mut browser)).await;
}
