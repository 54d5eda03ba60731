//! What other programs read of the forms.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use starchart_domain::time::Timestamp;
use starchart_testkit::tls::Identity;

use super::*;

const PASSWORD: &str = "correct-horse-battery";

/// A certificate with its key, of a CA made for the test.
fn generate(folder: &Path) -> (Certificate, Secret) {
    let _ = Identity::generate(folder);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let certificate = Certificate {
        id: 7,
        domain: "user1.starchart.com".to_owned(),
        certificate: read("cert.pem"),
        chain: read("root.pem"),
        not_before: Timestamp::from_millis(0),
        not_after: Timestamp::from_millis(1),
        renew_at: Timestamp::from_millis(1),
        created_at: Timestamp::from_millis(0),
    };
    (certificate, Secret::new(read("key.pem")))
}

/// Runs a program and returns whether it succeeded, with what it said.
fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn blocks(pem: &str) -> Vec<pem::Pem> {
    pem::parse_many(pem).unwrap()
}

#[test]
fn openssl_reads_a_pkcs12_file_by_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = generate(folder.path());
    let parts = Parts {
        certificate: &certificate,
        key: &key,
    };
    let password = Pkcs12Password::parse(PASSWORD).unwrap();
    let file = folder.path().join("all.p12");
    std::fs::write(&file, parts.encrypt(&password).unwrap()).unwrap();
    let file = file.to_str().unwrap();
    let open = |password: &str, more: &[&str]| {
        let password = format!("pass:{password}");
        let arguments = ["pkcs12", "-in", file, "-passin", &password, "-nodes"];
        run("openssl", &[&arguments, more].concat())
    };
    let (opened, said) = open(PASSWORD, &[]);
    assert!(opened, "{said}");
    assert!(said.contains("friendlyName: user1.starchart.com"), "{said}");
    let read = blocks(&said);
    let expected = [key.expose(), &full_chain(&certificate)].concat();
    let mut missing = blocks(&expected);
    missing.retain(|block| read.iter().all(|it| it.contents() != block.contents()));
    assert!(missing.is_empty() && read.len() == 3, "{said}");
    let (_, described) = open(PASSWORD, &["-info", "-noout"]);
    assert!(described.contains("MAC: sha256"), "{described}");
    assert!(
        described.contains("PBES2, PBKDF2, AES-256-CBC"),
        "{described}"
    );
    assert!(!open("wrong-password", &[]).0);
}

#[test]
fn java_reads_a_pkcs12_file_where_there_is_java() {
    if Command::new("keytool").arg("-help").output().is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = generate(folder.path());
    let parts = Parts {
        certificate: &certificate,
        key: &key,
    };
    // The shortest password.
    let password = Pkcs12Password::parse("123456").unwrap();
    let file = folder.path().join("all.p12");
    std::fs::write(&file, parts.encrypt(&password).unwrap()).unwrap();
    let file = file.to_str().unwrap();
    let list = [
        "-list",
        "-v",
        "-storetype",
        "PKCS12",
        "-keystore",
        file,
        "-storepass",
        "123456",
    ];
    let (opened, said) = run("keytool", &list);
    assert!(opened, "{said}");
    assert!(said.contains("Alias name: user1.starchart.com"), "{said}");
    assert!(said.contains("Entry type: PrivateKeyEntry"), "{said}");
    assert!(said.contains("Certificate chain length: 2"), "{said}");
}

#[test]
fn passwords_are_those_that_every_program_takes() {
    use Pkcs12PasswordFault::{Character, Missing, TooLong, TooShort};
    for (text, expected) in [
        ("", Some(Missing)),
        ("12345", Some(TooShort)),
        ("123456", None),
        ("~!@#$%^&*()_+`-={}|[]\\:\";'<>?,./", None),
        ("pässword", Some(Character)),
        ("pass word", Some(Character)),
        ("password\t", Some(Character)),
        (&"x".repeat(128), None),
        (&"x".repeat(129), Some(TooLong)),
    ] {
        assert_eq!(Pkcs12Password::parse(text).err(), expected, "{text}");
    }
    assert!(!format!("{:?}", Pkcs12Password::parse(PASSWORD)).contains(PASSWORD));
}

#[test]
fn an_archive_has_the_four_files_and_is_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = generate(folder.path());
    let parts = Parts {
        certificate: &certificate,
        key: &key,
    };
    let made = parts.render(CertificateForm::Zip).unwrap().unwrap();
    let again = parts.render(CertificateForm::Zip).unwrap().unwrap();
    assert_eq!(made, again);
    let mut archive = ::zip::ZipArchive::new(std::io::Cursor::new(made.as_slice())).unwrap();
    let full_chain = full_chain(&certificate);
    for (ending, expected) in [
        ("certificate.pem", certificate.certificate.as_str()),
        ("privkey.pem", key.expose()),
        ("chain.pem", &certificate.chain),
        ("bundle.pem", &full_chain),
    ] {
        let name = format!("user1.starchart.com.{ending}");
        let mut file = archive.by_name(&name).unwrap();
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(0o600));
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, expected, "{name}");
    }
    assert_eq!(archive.len(), 4);
}

#[test]
fn a_secret_for_kubernetes_has_key_and_full_chain() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = generate(folder.path());
    let parts = Parts {
        certificate: &certificate,
        key: &key,
    };
    let made = parts.render(CertificateForm::Kubernetes).unwrap().unwrap();
    let yaml = String::from_utf8(made.to_vec()).unwrap();
    let value = |name: &str| {
        let line = yaml.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {yaml}"))
            .trim()
            .to_owned()
    };
    let decoded = |name: &str| String::from_utf8(STANDARD.decode(value(name)).unwrap()).unwrap();
    assert_eq!(value("type:"), "kubernetes.io/tls");
    assert_eq!(value("name:"), "user1-starchart-com-tls");
    assert_eq!(decoded("tls.crt:"), full_chain(&certificate));
    assert_eq!(decoded("tls.key:"), key.expose());
}
