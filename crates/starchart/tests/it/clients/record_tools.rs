//! Tools that manage records: each creates, reads, changes and deletes some, which is looked up in
//! the zone.

use serde_json::{Value, json};

use super::{Client, Setting};
use crate::truth::no_difference;

/// The rights to read and change the records of a name and of all names below it.
fn records(name: &str) -> Value {
    let names = match name {
        "@" => json!("all"),
        name => json!({ "subtree": name }),
    };
    json!({ "records": [{ "access": "write", "names": names, "types": [] }] })
}

impl Client<'_> {
    /// Runs a program of the examples with these arguments, and returns its output.
    async fn run_with(&self, program: &[&str], arguments: &str) -> String {
        let words = arguments.split(' ').filter(|word| !word.is_empty());
        let command: Vec<&str> = program.iter().copied().chain(words).collect();
        self.run(&command, &[("DESEC_TOKEN", &self.token)]).await
    }
}

#[tokio::test]
async fn tools_manage_records() {
    let setting = Setting::new().await;
    curl_and_github_actions(&setting).await;
    lexicon(&setting).await;
    powerdns_cli(&setting).await;
    desec_dns(&setting).await;
    no_difference(&setting.env).await;
}

async fn curl_and_github_actions(setting: &Setting) {
    let client = setting.client("www", &records("www")).await;
    let script = client.example("curl-records.sh", &[]);
    for _ in 0..2 {
        let said = client.run(&["sh", &script], &[]).await;
        assert!(said.contains("192.0.2.2"), "{said}");
        setting
            .zone_has("www", "A", &["192.0.2.1", "192.0.2.2"])
            .await;
    }
    client.done("curl (records)", &["curl", "--version"]).await;

    let workflow = client.example("github-actions.yml", &[]);
    let workflow = std::fs::read_to_string(workflow).unwrap();
    let (_, step) = workflow.split_once("run: |\n").unwrap();
    let token = [("TOKEN", &*client.token)];
    let (succeeded, said) = client.outcome(&["sh", "-ec", step], &token).await;
    // The name has addresses, which exclude a CNAME record.
    assert!(!succeeded, "{said}");
    assert!(said.contains("has an A record already"), "{said}");
    let step = step.replace("\"www\"", "\"new.www\"");
    let said = client.run(&["sh", "-ec", &step], &token).await;
    assert!(said.contains("you.github.io."), "{said}");
    setting
        .zone_has("new.www", "CNAME", &["you.github.io."])
        .await;
    let version = ["curl", "--version"];
    client.done("GitHub Actions (its step)", &version).await;
}

#[tokio::test]
async fn octodns_plans_applies_and_then_plans_nothing() {
    let setting = Setting::new().await;
    let client = setting.client("www", &records("@")).await;
    let port = format!("port: {}", setting.api.port);
    let changes = [
        ("host: starchart.example.edu", "host: 127.0.0.1"),
        ("port: 443", &*port),
        ("scheme: https", "scheme: http"),
    ];
    let script = client.example("octodns.sh", &changes);
    let octodns = ["sh", &*script];
    let plan = client.run_with(&octodns, "").await;
    assert!(plan.contains("Creates=7, Updates=0, Deletes=0"), "{plan}");
    assert_eq!(setting.env.zone.set(&client.host, "A"), None, "only a plan");
    client.run_with(&octodns, "--doit").await;
    let srv = format!("0 5 25565 {}.", client.host);
    let text = [r#""a ; in a text has a backslash""#, r#""v=spf1 -all""#];
    for (name, rtype, values) in [
        ("www", "A", &["192.0.2.1", "192.0.2.2"][..]),
        ("www", "AAAA", &["2001:db8::1"]),
        ("blog", "CNAME", &["you.github.io."]),
        ("@", "CAA", &[r#"0 issue "letsencrypt.org""#]),
        ("@", "MX", &["10 mail.example.com."]),
        ("@", "TXT", &text),
        ("_minecraft._tcp", "SRV", &[&*srv]),
    ] {
        setting.zone_has(name, rtype, values).await;
    }
    let again = client.run_with(&octodns, "").await;
    assert!(again.contains("No changes were planned"), "{again}");

    let file = client.folder.join(format!("{}.yaml", super::domain()));
    let zone = std::fs::read_to_string(&file).unwrap();
    let (kept, _) = zone.split_once("www:").unwrap();
    let new = "www:\n  ttl: 600\n  type: A\n  value: 192.0.2.3\n";
    std::fs::write(&file, format!("{kept}{new}")).unwrap();
    let said = client.run_with(&octodns, "--doit").await;
    assert!(said.contains("Updates=1, Deletes=1"), "{said}");
    setting.zone_has("www", "A", &["192.0.2.3"]).await;
    setting.zone_has("www", "AAAA", &[]).await;
    let again = client.run_with(&octodns, "").await;
    assert!(again.contains("No changes were planned"), "{again}");
    no_difference(&setting.env).await;
    client.done("octodns", &["octodns-sync", "--version"]).await;
    client
        .done_package("octodns-powerdns", "octodns-powerdns")
        .await;
}

/// Its command is not run: in this version it asks the system's resolver for the zone, whatever its
/// options are. The provider's class does all the rest.
async fn lexicon(setting: &Setting) {
    let client = setting.client("lexicon", &records("lexicon")).await;
    client.knows_public_suffixes().await;
    let program = client.example("dns_lexicon.py", &[]);
    let lexicon = ["python3", &*program];
    for (arguments, answer, values) in [
        ("create lexicon A 192.0.2.1", "True", &["192.0.2.1"][..]),
        (
            "create lexicon A 192.0.2.2",
            "True",
            &["192.0.2.1", "192.0.2.2"],
        ),
        (
            "list lexicon A",
            "'content': '192.0.2.2'",
            &["192.0.2.1", "192.0.2.2"],
        ),
        (
            "update lexicon A 192.0.2.2 192.0.2.3",
            "True",
            &["192.0.2.1", "192.0.2.3"],
        ),
        ("delete lexicon A 192.0.2.3", "True", &["192.0.2.1"]),
        ("delete lexicon A", "True", &[]),
        ("list lexicon A", "[]", &[]),
    ] {
        let said = client.run_with(&lexicon, arguments).await;
        assert!(said.contains(answer), "{arguments}: {said}");
        setting.zone_has("lexicon", "A", values).await;
    }
    for (rtype, value, shown) in [
        ("TXT", "text", "\"text\""),
        // It appends the domain to every other target.
        (
            "CNAME",
            "www.user1.starchart.com",
            "www.user1.starchart.com.",
        ),
        ("MX", "10 mail.example.net.", "10 mail.example.net."),
    ] {
        let name = format!("{}.lexicon", rtype.to_lowercase());
        let create = ["python3", &program, "create", &name, rtype, value];
        client.run(&create, &[]).await;
        setting.zone_has(&name, rtype, &[shown]).await;
        let delete = ["python3", &program, "delete", &name, rtype];
        client.run(&delete, &[]).await;
        setting.zone_has(&name, rtype, &[]).await;
    }
    client.done_package("dns-lexicon", "dns-lexicon").await;
}

async fn powerdns_cli(setting: &Setting) {
    let client = setting.client("cli", &records("cli")).await;
    let script = client.example("powerdns-cli.sh", &[]);
    let cli = ["sh", &*script];
    let zone = format!("{}.", super::domain());
    let one = &["192.0.2.1"][..];
    for (arguments, answer, values) in [
        ("zone list".to_owned(), &*zone, &[][..]),
        (
            format!("record add cli {zone} A 192.0.2.1 --ttl 300"),
            "Successfully added",
            one,
        ),
        (
            format!("record add cli {zone} A 192.0.2.1 --ttl 300"),
            "already present",
            one,
        ),
        (
            format!("record add cli {zone} A 192.0.2.2 --ttl 300"),
            "Successfully added",
            &["192.0.2.1", "192.0.2.2"],
        ),
        (
            format!("record export {zone} --name cli"),
            "\"content\": \"192.0.2.2\"",
            &["192.0.2.1", "192.0.2.2"],
        ),
        (
            // It finds a value only with its TTL.
            format!("record delete cli {zone} A 192.0.2.2 --ttl 300"),
            "removed",
            one,
        ),
        (
            format!("record replace cli {zone} A 192.0.2.9"),
            "replaced",
            &["192.0.2.9"],
        ),
        (
            format!("zone notify {zone}"),
            "Successfully",
            &["192.0.2.9"],
        ),
        (
            format!("record delete cli {zone} A 192.0.2.9"),
            "removed",
            &[],
        ),
    ] {
        let said = client.run_with(&cli, &arguments).await;
        assert!(said.contains(answer), "{arguments}: {said}");
        setting.zone_has("cli", "A", values).await;
    }
    let version = ["powerdns-cli", "version"];
    client.done("powerdns-cli", &version).await;
}

async fn desec_dns(setting: &Setting) {
    let client = setting.client("desec", &records("desec")).await;
    let program = client.example("desec_dns.py", &[]);
    let desec = ["python3", &*program];
    let domain = super::domain();
    let record = format!("{domain} -s desec -t A");
    let two = &["192.0.2.1", "192.0.2.2"][..];
    for (arguments, answer, values) in [
        ("list-domains".to_owned(), &*domain, &[][..]),
        (format!("domain-info {domain}"), "'minimum_ttl': 60", &[]),
        (
            format!("add-record {record} -r 192.0.2.1 --ttl 3600"),
            "3600 IN A 192.0.2.1",
            &["192.0.2.1"],
        ),
        (
            format!("update-record {record} -r 192.0.2.2 --ttl 3600"),
            "192.0.2.2",
            two,
        ),
        (format!("get-records {domain}"), "3600 IN A 192.0.2.2", two),
        (format!("export-zone {domain} -f zone.txt"), "", two),
        (format!("export {domain} -f zone.json"), "", two),
        (
            format!("change-record {record} -r 192.0.2.3 --ttl 3600"),
            "192.0.2.3",
            &["192.0.2.3"],
        ),
        (format!("import {domain} -f zone.json"), "", two),
        (
            format!("delete-record {record} -r 192.0.2.1"),
            "",
            &["192.0.2.2"],
        ),
        (format!("delete-record {record}"), "", &[]),
        ("list-tokens".to_owned(), "'perm_manage_tokens': False", &[]),
    ] {
        let said = client.run_with(&desec, &arguments).await;
        assert!(said.contains(answer), "{arguments}: {said}");
        setting.zone_has("desec", "A", values).await;
    }
    let exported = std::fs::read_to_string(client.folder.join("zone.txt")).unwrap();
    assert!(exported.contains("desec 3600 IN A 192.0.2.2"), "{exported}");
    client.done_package("desec-dns", "desec-dns").await;
}
