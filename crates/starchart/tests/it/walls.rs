//! The edges between crates. `deny.toml` lists which crates may depend on which (I2 in
//! ARCHITECTURE.md); cargo-deny checks the list in `script/lint`, and this test in every test run.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Crates of the workspace that no other crate may depend on, apart from its tests.
const WITHOUT_DEPENDENTS: [&str; 2] = ["starchart", "starchart-testkit"];

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
const DENY: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deny.toml"));

/// The names of some crates by the name of another.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// The crates that may depend on each restricted crate: the entries of `deny.toml` that have
/// `wrappers`.
fn allowed_dependents() -> Edges {
    let entries = DENY.split("{ crate = ").skip(1).filter_map(|entry| {
        let (entry, _) = entry.split_once('}')?;
        let (name, wrappers) = entry.split_once("wrappers")?;
        let quoted = |text: &str| -> Vec<String> {
            text.split('"')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let name = quoted(name).into_iter().next()?;
        Some((name, quoted(wrappers).into_iter().collect()))
    });
    entries.collect()
}

/// The crates of the workspace with their normal dependencies.
fn dependencies() -> Edges {
    let metadata = MetadataCommand::new()
        .manifest_path(MANIFEST)
        .no_deps()
        .exec()
        .unwrap();
    let packages = metadata.packages.iter().map(|package| {
        let normal = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal);
        let names = normal.map(|dependency| dependency.name.clone()).collect();
        (package.name.to_string(), names)
    });
    packages.collect()
}

/// What is wrong with the dependencies of the workspace.
fn faults(dependencies: &Edges, allowed: &Edges) -> Vec<String> {
    let mut faults = Vec::new();
    for (dependent, names) in dependencies {
        let has_entry = allowed.contains_key(dependent);
        if !has_entry && !WITHOUT_DEPENDENTS.contains(&dependent.as_str()) {
            faults.push(format!("{dependent} has no entry in deny.toml"));
        }
        for name in names {
            let is_allowed = match allowed.get(name) {
                Some(dependents) => dependents.contains(dependent),
                None => !WITHOUT_DEPENDENTS.contains(&name.as_str()),
            };
            if !is_allowed {
                faults.push(format!("{dependent} may not depend on {name}"));
            }
        }
    }
    faults
}

#[test]
fn only_dependencies_that_deny_toml_allows_are_declared() {
    let dependencies = dependencies();
    assert!(
        dependencies.len() >= 10,
        "the workspace has crates: {dependencies:?}"
    );
    assert_eq!(
        faults(&dependencies, &allowed_dependents()),
        Vec::<String>::new()
    );
}

#[test]
fn a_forbidden_dependency_is_found() {
    let mut dependencies = dependencies();
    let web = dependencies.get_mut("starchart-web").unwrap();
    web.extend(["starchart-dns", "starchart-testkit", "sea-orm"].map(str::to_owned));
    dependencies.insert("extra".to_owned(), BTreeSet::new());
    assert_eq!(
        faults(&dependencies, &allowed_dependents()),
        [
            "extra has no entry in deny.toml",
            "starchart-web may not depend on sea-orm",
            "starchart-web may not depend on starchart-dns",
            "starchart-web may not depend on starchart-testkit",
        ]
    );
}
