//! Who may use whom: fails when an arrow is drawn that ARCHITECTURE.md does not have.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Each of our crates with those of ours it may use (normal dependencies). Crates that come later
/// have their rule already.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("migration", &[]),
    ("testkit", &[]),
    ("settings", &["domain"]),
    ("store", &["domain", "migration"]),
    ("dns", &["domain"]),
    ("acme", &["domain"]),
    ("saml", &["domain"]),
    ("mail", &["domain"]),
    ("jobs", &["domain"]),
    ("web", &["domain", "store", "jobs", "saml"]),
    (
        "worker",
        &["domain", "store", "jobs", "dns", "acme", "mail"],
    ),
    ("demo", &["domain", "dns", "acme", "saml", "mail"]),
    (
        "starchart",
        &[
            "domain",
            "settings",
            "store",
            "dns",
            "acme",
            "saml",
            "mail",
            "jobs",
            "web",
            "worker",
            "demo",
            "migration",
        ],
    ),
];

/// Third parties that stay in the rooms named here.
const CAGES: &[(&str, &[&str])] = &[
    ("sea-orm", &["store"]),
    ("sea-orm-migration", &["migration", "store"]),
    ("sqlx", &["store", "testkit"]),
    ("aws-sdk-route53", &["dns"]),
    ("samael", &["saml"]),
    ("openssl", &["saml"]),
    ("instant-acme", &["acme"]),
    ("lettre", &["mail"]),
    ("apalis", &["jobs", "worker"]),
    ("apalis-redis", &["jobs", "worker"]),
    ("redis", &["jobs", "worker"]),
    ("actix-web", &["web", "demo", "starchart", "testkit"]),
];

type Graph = BTreeMap<String, Vec<String>>;

fn short(name: &str) -> &str {
    name.strip_prefix("starchart-").unwrap_or(name)
}

/// Our crates and everything each names as a normal dependency.
fn graph() -> Graph {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .unwrap();
    let normal = |package: &cargo_metadata::Package| {
        let names = package
            .dependencies
            .iter()
            .filter(|d| d.kind == DependencyKind::Normal)
            .map(|d| short(&d.name).to_owned());
        (short(&package.name).to_owned(), names.collect())
    };
    metadata.packages.iter().map(normal).collect()
}

fn faults(graph: &Graph) -> Vec<String> {
    let ours: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let cages: BTreeMap<&str, &[&str]> = CAGES.iter().copied().collect();
    let mut faults = Vec::new();
    for (from, uses) in graph {
        let Some(allowed) = ours.get(from.as_str()) else {
            faults.push(format!("{from} has no rule here and in ARCHITECTURE.md"));
            continue;
        };
        for to in uses {
            let is_ours = ours.contains_key(to.as_str());
            if is_ours && !allowed.contains(&to.as_str()) {
                faults.push(format!("{from} -> {to} is not allowed"));
            }
            if cages
                .get(to.as_str())
                .is_some_and(|rooms| !rooms.contains(&from.as_str()))
            {
                faults.push(format!("{to} may not be used in {from}"));
            }
        }
    }
    faults
}

#[test]
fn no_arrow_is_drawn_that_is_not_in_the_plan() {
    let graph = graph();
    assert!(graph.len() >= 10, "the workspace was read: {graph:?}");
    assert_eq!(faults(&graph), Vec::<String>::new());
}

#[test]
fn a_forbidden_arrow_is_seen() {
    let mut graph = graph();
    graph
        .get_mut("web")
        .unwrap()
        .extend(["dns".to_owned(), "sea-orm".to_owned()]);
    graph.insert("extra".to_owned(), vec![]);
    assert_eq!(
        faults(&graph),
        [
            "extra has no rule here and in ARCHITECTURE.md",
            "web -> dns is not allowed",
            "sea-orm may not be used in web"
        ]
    );
}
