//! The files for operators contain every setting, and no others.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use starchart_domain::words::ListKind;
use starchart_settings::{Environment, Required, SettingSpec, Settings, Sources, setting_specs};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

fn setting_names() -> BTreeSet<String> {
    setting_specs().map(|spec| spec.name.to_owned()).collect()
}

fn secret_names() -> BTreeSet<String> {
    setting_specs()
        .filter(|spec| spec.secret)
        .map(|spec| spec.name.to_owned())
        .collect()
}

/// Reads the `NAME=value` lines of config/env.example; the last value is whether it is active.
fn example() -> Vec<(String, String, bool)> {
    let read = |line: &str| {
        let (line, live) = line
            .strip_prefix("# ")
            .map_or((line, true), |line| (line, false));
        let (name, value) = line.split_once('=')?;
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        is_name.then(|| (name.to_owned(), value.to_owned(), live))
    };
    text("config/env.example")
        .lines()
        .filter_map(read)
        .collect()
}

/// The parts of a stack file that concern settings.
#[derive(Debug, Default)]
struct Stack {
    environment: BTreeMap<String, String>,
    used: BTreeSet<String>,
    declared: BTreeSet<String>,
}

fn stack(path: &str) -> Stack {
    let mut stack = Stack::default();
    let mut heads: [&str; 3] = [""; 3];
    let content = text(path);
    for line in content
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    {
        let depth = (line.len() - line.trim_start().len()) / 2;
        let item = line.trim();
        if depth < 3 {
            heads[depth..].fill("");
            heads[depth] = item.split(':').next().unwrap();
        }
        match (heads, depth) {
            (["services", "mycustomdomain", "environment"], 3) => {
                let (name, value) = item.split_once(": ").expect(item);
                stack
                    .environment
                    .insert(name.to_owned(), value.trim_matches('"').to_owned());
            }
            (["services", "mycustomdomain", "secrets"], 3) => {
                stack
                    .used
                    .insert(item.strip_prefix("- ").expect(item).to_owned());
            }
            (["secrets", name, ""], 1) => {
                stack.declared.insert(name.to_owned());
            }
            _ => {}
        }
    }
    stack
}

/// Optional secrets without a file for development.
const WITHOUT_FILE: [&str; 2] = ["AWS_SESSION_TOKEN", "SAML_DECRYPTION_KEY"];

const STACKS: [&str; 2] = ["docker-staging.yml", "docker-production.yml"];

#[test]
fn the_example_contains_each_setting_once() {
    let example = example();
    let names: BTreeSet<_> = example.iter().map(|(name, ..)| name.clone()).collect();
    assert_eq!(names, setting_names());
    assert_eq!(example.len(), names.len(), "a name is duplicated");
}

/// Returns the comment above a setting's line in config/env.example: what `spec` says, and the
/// defaults that the line itself does not show.
fn comment(spec: &SettingSpec, is_live: bool) -> String {
    let secret = if spec.secret { "secret; " } else { "" };
    let required = match spec.required {
        Required::Always => "required; ",
        Required::InProduction => "required in production; ",
        Required::No => "",
    };
    let development = spec.default.in_environment(Environment::Development);
    let production = spec.default.in_environment(Environment::Production);
    let unseen = match (development, production) {
        (Some(default), _) if is_live => format!(" (default: {default})"),
        (development, Some(default)) if development != Some(default) => {
            format!(" (production: {default})")
        }
        _ => String::new(),
    };
    format!("# {secret}{required}{}{unseen}", spec.description)
}

#[test]
fn the_example_describes_each_setting_and_shows_its_default() {
    let text = text("config/env.example");
    let lines: Vec<_> = text.lines().collect();
    for (name, value, is_live) in example() {
        let mut specs = setting_specs();
        let spec = specs.find(|spec| spec.name == name).unwrap();
        let default = spec.default.in_environment(Environment::Development);
        if is_live {
            assert_ne!(
                Some(value.as_str()),
                default,
                "{name}: comment the default out"
            );
        } else if let Some(default) = default {
            assert_eq!(value, default, "{name}");
        }
        let prefix = if is_live { "" } else { "# " };
        let line = format!("{prefix}{name}={value}");
        let at = lines.iter().position(|other| *other == line).expect(&line);
        assert_eq!(lines[at - 1], comment(spec, is_live), "{name}");
    }
}

#[test]
fn each_value_of_the_example_is_valid() {
    let lines: Vec<String> = example()
        .into_iter()
        .map(|(name, value, _)| format!("{name}={value}"))
        .collect();
    let folder = development_site(&lines.join("\n"));
    let at = |path: &str| folder.path().join(path);
    fs::write(at("config/idp-metadata-dev.xml"), "<EntityDescriptor/>").unwrap();
    fs::write(at("config/test-ca.pem"), "a root certificate").unwrap();
    fs::create_dir(at("config/words")).unwrap();
    for &kind in ListKind::ALL {
        let path = format!("config/words/{}", kind.file_name());
        fs::write(at(&path), text(&path)).unwrap();
    }
    let loaded = Settings::read(&Sources {
        variables: BTreeMap::new(),
        env_file: Some(".env".into()),
        folder: folder.path().to_owned(),
        secrets: at("none"),
    });
    assert!(loaded.is_ok(), "{}", loaded.unwrap_err());
}

/// Makes a folder with an env file and the development secrets.
fn development_site(env_file: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir(at("config")).unwrap();
    fs::create_dir(at("dev-secrets")).unwrap();
    fs::write(at(".env"), env_file).unwrap();
    for name in secret_names()
        .iter()
        .filter(|name| !WITHOUT_FILE.contains(&name.as_str()))
    {
        fs::write(
            at("dev-secrets").join(name),
            text(&format!("config/dev-secrets/{name}")),
        )
        .unwrap();
    }
    folder
}

#[test]
fn development_starts_with_the_example_and_its_secrets() {
    let folder = development_site(&text("config/env.example"));
    let at = |path: &str| folder.path().join(path);
    let sources = |environment: &str| Sources {
        variables: BTreeMap::from([("STARCHART_ENV".to_owned(), environment.to_owned())]),
        env_file: Some(".env".into()),
        folder: folder.path().to_owned(),
        secrets: folder.path().join("none"),
    };
    let missing = Settings::read(&sources("development"))
        .unwrap_err()
        .to_string();
    assert!(
        missing.starts_with("1 setting is wrong:\n  SAML_IDP_METADATA_PATH: "),
        "{missing}"
    );

    fs::write(at("config/idp-metadata-dev.xml"), "<EntityDescriptor/>").unwrap();
    let loaded = Settings::read(&sources("development")).unwrap();
    let off = "LETS_ENCRYPT_DIRECTORY_URL is not set";
    assert_eq!(
        loaded.settings.certificates.disabled_reason(),
        Some(off),
        "the development keys are valid"
    );
    let mail = "mail is off, and no record is deleted before its owner was notified: \
                NOTIFICATIONS_EMAIL_USER is not set";
    assert_eq!(
        loaded.notices,
        [mail.to_owned(), format!("certificates are off: {off}")]
    );

    // Production refuses each of these secrets.
    let refused = Settings::read(&sources("production"))
        .unwrap_err()
        .to_string();
    for name in secret_names()
        .iter()
        .filter(|name| !WITHOUT_FILE.contains(&name.as_str()))
    {
        assert!(
            refused.contains(&format!("dev-secrets/{name}: is the throw-away secret")),
            "{name}: {refused}"
        );
    }
}

#[test]
fn every_development_secret_is_a_setting() {
    let files = fs::read_dir(root().join("config/dev-secrets")).unwrap();
    for name in files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
    {
        assert!(secret_names().contains(&name), "{name}");
    }
}

#[test]
fn the_stacks_set_known_settings_and_all_required_ones() {
    for path in STACKS {
        let stack = stack(path);
        let given: BTreeSet<_> = stack
            .environment
            .keys()
            .chain(&stack.used)
            .cloned()
            .collect();
        assert!(
            given.is_subset(&setting_names()),
            "{path}: {:?}",
            given.difference(&setting_names())
        );
        assert!(
            stack.used.is_subset(&secret_names()),
            "{path}: {:?}",
            stack.used
        );
        assert_eq!(
            stack.used, stack.declared,
            "{path}: the service's secrets and the stack's"
        );
        assert!(
            stack
                .environment
                .keys()
                .all(|name| !secret_names().contains(name)),
            "{path}: a secret as a variable"
        );
        for needed in setting_specs().filter(|spec| spec.required != Required::No) {
            assert!(given.contains(needed.name), "{path} lacks {}", needed.name);
        }
    }
}

#[test]
fn a_stack_is_complete_after_the_marked_changes() {
    for path in STACKS {
        let folder = TempDir::new().unwrap();
        let mut stack = stack(path);
        for name in &stack.used {
            let value = match name.as_str() {
                "DATABASE_URL" => "mysql://star:pass@db/starchart".to_owned(),
                "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM" => {
                    "-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----\n"
                        .to_owned()
                }
                "KEY_ENCRYPTION_KEYS" => format!("a:{}=", "A".repeat(43)),
                _ => "0123456789012345678901234567890123456789".to_owned(),
            };
            fs::write(folder.path().join(name), value).unwrap();
        }
        let metadata = folder.path().join("metadata.xml");
        fs::write(&metadata, "<EntityDescriptor/>").unwrap();
        stack.environment.insert(
            "SAML_IDP_METADATA_PATH".to_owned(),
            metadata.display().to_string(),
        );
        let read = |environment: &BTreeMap<String, String>| {
            let folder = folder.path().to_owned();
            Settings::read(&Sources {
                variables: environment.clone(),
                env_file: None,
                folder: folder.clone(),
                secrets: folder,
            })
        };
        let untouched = read(&stack.environment).unwrap_err().to_string();
        assert!(
            untouched
                .starts_with("1 setting is wrong:\n  AWS_ROUTE53_HOSTED_ZONE_ID: \"CHANGE-ME\""),
            "{path}: {untouched}"
        );
        stack.environment.insert(
            "AWS_ROUTE53_HOSTED_ZONE_ID".to_owned(),
            "Z0123456789".to_owned(),
        );
        let settings = read(&stack.environment).unwrap().settings;
        assert_eq!(settings.environment, Environment::Production, "{path}");
    }
}

#[test]
fn the_stacks_keep_documented_options() {
    for (path, tag) in STACKS.iter().zip(["staging", "production"]) {
        let text = text(path);
        let image = format!("image: starchart:{tag}\n");
        for line in [
            "version: \"3.9\"\n",
            image.as_str(),
            "replicas: 2\n",
            "parallelism: 1\n",
            "delay: 20s\n",
            "order: start-first\n",
            "failure_action: rollback\n",
            "parallelism: 0\n",
            "monitor: 1m\n",
            "stop_grace_period: 50s\n",
            "start_period: 10m\n",
            "retries: 3\n",
            "TRUSTED_PROXIES: 10.0.0.0/24\n",
            "- \"8080:8080\"\n",
            "driver: journald\n",
            "tag: mycustomdomain\n",
            "tag: redis\n",
            "encrypted: \"\"\n",
            "node.role == manager\n",
            "redis-data:/data\n",
            "\"--maxmemory-policy\", \"noeviction\"",
        ] {
            assert!(text.contains(line), "{path} lacks {line}");
        }
        for line in [
            "read_only: true\n",
            "cap_drop:\n",
            "limits:\n",
            "reservations:\n",
            "healthcheck:\n",
        ] {
            assert_eq!(
                text.matches(line).count(),
                2,
                "{path}: {line} for the application and for Redis"
            );
        }
    }
}

#[test]
fn development_starts_with_the_compose_settings() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("config")).unwrap();
    fs::create_dir(folder.path().join("dev-secrets")).unwrap();
    fs::write(
        folder.path().join("config/idp-metadata-dev.xml"),
        "<EntityDescriptor/>",
    )
    .unwrap();
    fs::write(
        folder.path().join("compose.env"),
        text("config/compose.env"),
    )
    .unwrap();
    for name in secret_names()
        .iter()
        .filter(|name| !WITHOUT_FILE.contains(&name.as_str()))
    {
        fs::write(
            folder.path().join("dev-secrets").join(name),
            text(&format!("config/dev-secrets/{name}")),
        )
        .unwrap();
    }
    let sources = Sources {
        variables: BTreeMap::from([(
            "AWS_ROUTE53_HOSTED_ZONE_ID".to_owned(),
            "Z0123456789".to_owned(),
        )]),
        env_file: Some("compose.env".into()),
        folder: folder.path().to_owned(),
        secrets: folder.path().join("none"),
    };
    let loaded = Settings::read(&sources).unwrap();
    assert_eq!(loaded.settings.environment, Environment::Development);
    assert_eq!(
        loaded.notices,
        ["certificates are off: LETS_ENCRYPT_DIRECTORY_URL is not set"],
        "mail is on"
    );
}

/// The two stack files are easy to compare: every difference is in one place, in the same order.
#[test]
fn the_stacks_differ_only_in_their_first_settings() {
    let [staging, production] = STACKS.map(stack);
    let differing: BTreeSet<_> = staging
        .environment
        .iter()
        .filter(|(name, value)| production.environment.get(*name) != Some(value))
        .collect();
    assert_eq!(
        staging.environment.keys().collect::<Vec<_>>(),
        production.environment.keys().collect::<Vec<_>>()
    );
    let [staging, production] = STACKS.map(|path| {
        let text = text(path);
        let (head, same) = text
            .split_once("      # The same in staging and production.")
            .expect(path);
        (
            head.lines()
                .filter_map(|line| line.strip_prefix("      "))
                .map(str::to_owned)
                .collect::<Vec<_>>(),
            same.to_owned(),
        )
    });
    assert_eq!(
        staging.1, production.1,
        "below the settings that differ the files are the same"
    );
    for (name, value) in &differing {
        assert!(
            staging.0.contains(&format!("{name}: {value}")),
            "{name} is not among the first settings"
        );
    }
    assert!(
        differing
            .iter()
            .any(|(name, value)| *name == "SAML_GROUP_PREFIX" && *value == "mycustomdomain-dev")
    );
}

#[test]
fn the_image_sets_known_variables_and_runs_without_privileges() {
    let text = text("Dockerfile");
    let set: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("ENV "))
        .flat_map(str::split_whitespace)
        .collect();
    let names: BTreeSet<_> = set
        .iter()
        .map(|pair| pair.split('=').next().unwrap().to_owned())
        .collect();
    assert!(
        !names.is_empty() && names.is_subset(&setting_names()),
        "{names:?}"
    );
    assert!(names.is_disjoint(&secret_names()), "a secret in the image");
    let user = text
        .lines()
        .find_map(|line| line.strip_prefix("USER "))
        .unwrap();
    assert!(!user.starts_with('0') && user != "root");
    assert!(
        text.contains("--no-default-features") && !text.contains("--mount="),
        "the classic builder builds it"
    );
}

/// Reads `ARG NAME=value` from the Dockerfile.
fn build_argument(name: &str) -> String {
    let start = format!("ARG {name}=");
    text("Dockerfile")
        .lines()
        .find_map(|line| line.strip_prefix(&start))
        .expect(name)
        .trim_matches('"')
        .to_owned()
}

#[test]
fn image_ci_and_scripts_use_the_same_builder_and_packages() {
    let container = format!("container: {}\n", build_argument("BUILDER"));
    assert_eq!(
        text(".github/workflows/ci.yml").matches(&container).count(),
        2,
        "both jobs: {container}"
    );
    let packages = format!("install_packages {}\n", build_argument("BUILD_PACKAGES"));
    assert!(
        text("script/lib/common.sh").contains(&packages),
        "{packages}"
    );
}
