//! What must hold for any settings and any env file: the bodies of fuzz targets (`fuzz/`).
//!
//! A test checks it for the seeds in every test run.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;

use crate::env_file::{self, EnvFile};
use crate::{Settings, Sources, keys, parse, render_check, setting_specs, urls};

/// A part of secrets that no message may contain.
const MARK: &str = "hunter2";
/// A file for the settings that are paths: no file that the input names is opened.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
const COMPLETE: &str = "STARCHART_ENV=test\nAPP_URL=http://localhost:8080\nSMTP_TLS=none\n\
    DATABASE_URL=sqlite://starchart.db\nSESSION_SECRET=0123456789-0123456789-0123456789\n";

/// Checks the reader of settings. `data` is an env file, which changes settings that are complete.
///
/// # Panics
/// A message contains a secret, settings are read in another way from an env file than from
/// variables, or a value is read in another way when it is written as it was read.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut variables = env_file::parse(COMPLETE).variables;
    for (name, value) in env_file::parse(&text).variables {
        check_parsers(&value);
        let is_secret = setting_specs().any(|spec| spec.name == name && spec.secret);
        // What is no secret may be shown.
        if is_secret || !(name.contains(MARK) || value.contains(MARK)) {
            variables.insert(name, value);
        }
    }
    let loaded = match Settings::read(&sources(variables.clone())) {
        Ok(loaded) => loaded,
        Err(problems) => return assert!(!problems.to_string().contains(MARK), "{problems}"),
    };
    assert!(!render_check(&loaded).contains(MARK));
    let shown = format!("{:?}", loaded.settings);
    assert!(!shown.contains(MARK));
    let again = env_file::parse(&write(&variables)).variables;
    let again = Settings::read(&sources(again)).map(|again| format!("{:?}", again.settings));
    assert_eq!(again.as_ref(), Ok(&shown));
}

/// Checks the parsers of single values: what they return is parsed to the same.
fn check_parsers(value: &str) {
    is_stable(parse::text, value);
    is_stable(parse::port, value);
    is_stable(parse::host, value);
    is_stable(parse::network, value);
    is_stable(parse::domain, value);
    is_stable(parse::email, value);
    is_stable(parse::contact, value);
    is_stable(urls::web_url, value);
    is_stable(urls::https_url, value);
    is_stable(urls::origin, value);
    let keys = |text: &str| {
        let lines = keys::encryption_keys(text)?;
        let lines = lines
            .iter()
            .map(|(id, key)| format!("{id}:{}\n", key.expose()));
        Ok(lines.collect::<String>())
    };
    is_stable(keys, value);
}

fn is_stable<T: ToString + PartialEq + Debug>(
    parse: impl Fn(&str) -> Result<T, String>,
    text: &str,
) {
    if let Ok(value) = parse(text) {
        assert_eq!(parse(&value.to_string()), Ok(value), "{text:?}");
    }
}

/// Returns sources without any file but [`FILE`].
fn sources(mut variables: BTreeMap<String, String>) -> Sources {
    variables.insert("SAML_IDP_METADATA_PATH".to_owned(), FILE.to_owned());
    variables.remove("WORD_LISTS_PATH");
    variables
        .entry("ACME_CA_ROOT_PATH".to_owned())
        .and_modify(|path| FILE.clone_into(path));
    Sources {
        variables,
        env_file: None,
        folder: PathBuf::from("/nonexistent"),
        secrets: PathBuf::from("/nonexistent"),
    }
}

/// Writes variables between double quotes.
fn write(variables: &BTreeMap<String, String>) -> String {
    let line = |(name, value): (&String, &String)| {
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('$', "\\$");
        // A carriage return before a line's end would be a part of it.
        format!(
            "export {name}=\"{}\" # a comment\r\n",
            value.replace("\r\n", "\r\\n")
        )
    };
    variables.iter().map(line).collect()
}

/// Returns seeds for [`settings`]: the files for operators, and every setting with its default.
pub fn settings_seeds() -> Vec<Vec<u8>> {
    let example = include_str!("../../../config/env.example");
    // The examples count, the comments do not.
    let live = example.replace("# ", "");
    let secrets = "DATABASE_URL=mysql://star:hunter2%40@db:3306/starchart?sslaccept=strict\n\
        NOTIFICATIONS_PASSWORD=' hunter2 '\nSMTP_TLS=tls\nSMTP_PORT=465\n\
        KEY_ENCRYPTION_KEYS=k1:aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ=\n\
        REDIS_URL=rediss://:p@redis:6379/1\nDNS_SERVERS=ns1.example.com [2001:db8::1]:53\n";
    let production = "STARCHART_ENV=production\nAPP_URL=https://a.school.example\n\
                      ROOT_DOMAIN=starchart.example\nAWS_ROUTE53_HOSTED_ZONE_ID=/hostedzone/Z01\n\
                      AWS_ACCESS_KEY_ID=hunter2\nAWS_SECRET_ACCESS_KEY=hunter2\n\
                      DATABASE_URL=mysql://a:hunter2@db/x?sslcert=/ca.pem\n\
                      LETS_ENCRYPT_ACCOUNT_EMAIL=a@sch\u{fc}le.example\nSMTP_TLS=starttls\n\
                      LETS_ENCRYPT_DIRECTORY_URL=https://acme.example/directory\n";
    [example, &live, secrets, production]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

/// Checks the parser of env files.
///
/// # Panics
/// Variables that were read are read in another way when they are written between quotes.
pub fn env_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let EnvFile {
        variables,
        duplicates,
        faults,
    } = env_file::parse(&text);
    let lines = text.lines().count();
    assert!(
        faults.iter().all(|fault| fault.starts_with("line ")),
        "{faults:?}"
    );
    assert!(duplicates.values().all(|line| (1..=lines).contains(line)));
    let written = write(&variables);
    let again = env_file::parse(&written);
    assert_eq!(again.variables, variables, "{written}");
    assert!(
        again.faults.is_empty() && again.duplicates.is_empty(),
        "{written}"
    );
    // Without escapes, where the value has no single quote.
    let plain = variables
        .iter()
        .filter(|(_, value)| !value.contains(['\'', '\r']));
    let plain: BTreeMap<String, String> = plain.map(|(a, b)| (a.clone(), b.clone())).collect();
    let written: String = plain
        .iter()
        .map(|(name, value)| format!("{name}='{value}' # a comment\n"))
        .collect();
    assert_eq!(env_file::parse(&written).variables, plain, "{written}");
}

/// Returns seeds for [`env_file`].
pub fn env_file_seeds() -> Vec<Vec<u8>> {
    [
        include_str!("../../../config/env.example"),
        "\u{feff}# a\r\nexport A=\"x \\\"y\\\" \\n\\$z \\q\\\\\"\n\
         B=' a\n  b # c'\nC=d #e\nC=\nD=#\nE",
        "PEM=\"-----BEGIN-----\nabc\n-----END-----\"\nOPEN='",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_read_as_it_is_written() {
        for seed in settings_seeds() {
            settings(&seed);
            env_file(&seed);
        }
        for seed in env_file_seeds() {
            env_file(&seed);
        }
    }
}
