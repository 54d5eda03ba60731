//! That no example is left untested.

use super::examples_folder;

/// What runs examples, or compares them with requests.
const TESTS: [&str; 4] = [
    include_str!("addresses.rs"),
    include_str!("certificates.rs"),
    include_str!("record_tools.rs"),
    include_str!("recorded.txt"),
];

#[test]
fn every_example_is_in_the_readme_and_in_a_test() {
    let folder = examples_folder();
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let files = std::fs::read_dir(&folder).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(readme.contains(&format!("| `{name}` |")), "{name}: README");
        // Each plugin of certbot has an example that is named after it.
        let plugin = name
            .strip_prefix("certbot-")
            .and_then(|rest| rest.strip_suffix(".sh"))
            .map(|plugin| format!("(\"{plugin}\", \"certbot-"));
        let is_tested = TESTS.iter().any(|test| {
            test.contains(&name) || plugin.as_ref().is_some_and(|it| test.contains(it))
        });
        assert!(is_tested, "{name}: no test");
    }
}
