//! docs/cases.md names tests that exist.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the sources of a crate, its tests included.
fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| match path.is_dir() {
        true => sources(&path),
        false if path.extension().is_some_and(|it| it == "rs") => {
            vec![fs::read_to_string(&path).unwrap()]
        }
        false => Vec::new(),
    };
    paths.flat_map(read).collect()
}

/// Returns whether a crate has a test of this name.
fn exists(crate_name: &str, test: &str) -> bool {
    let folder = root().join("crates").join(crate_name);
    let function = format!("fn {test}(");
    // A test that runs on both databases is listed in a macro.
    let listed = format!("    {test},\n");
    folder.is_dir()
        && sources(&folder).iter().any(|source| {
            source.contains(&listed)
                || source.match_indices(&function).any(|(at, _)| {
                    let before = source[..at].trim_end_matches("async ").trim_end();
                    let attribute = before.lines().next_back().unwrap_or_default().trim();
                    attribute.starts_with("#[") && attribute.contains("test")
                })
        })
}

#[test]
fn every_test_that_the_list_of_cases_names_exists() {
    let page = fs::read_to_string(root().join("docs/cases.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let mut named = 0;
    for row in rows.filter(|row| !row.starts_with("| what happens")) {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let (mut spans, before) = (tests.split('`').skip(1).step_by(2), named);
        for test in &mut spans {
            let (crate_name, name) = test.split_once("::").unwrap();
            assert!(exists(crate_name, name), "{test}");
            named += 1;
        }
        assert!(named > before, "a row without a test: {row}");
    }
    assert!(named > 60, "{named} tests");
    assert!(!exists("domain", "no_test_has_this_name"));
    assert!(!exists("domain", "built_in"), "a function that is no test");
}
