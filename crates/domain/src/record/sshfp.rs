//! SSHFP records: the fingerprints of a server's SSH keys (RFC 4255, RFC 6594, RFC 7479, RFC 8709).

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};

use crate::fault::ValueFault;
use crate::names::NameRule;
use crate::record::class::NameClass;
use crate::record::digits;
use crate::record::note::ValueNote;
use crate::record::spec::{Guide, Parsed, Part, PartWire, TypeSpec};

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "SSHFP",
    code: 44,
    title: "SSHFP Record (SSH Fingerprint)",
    class: NameClass::Other,
    names: NameRule::PLAIN,
    parts: &[&ALGORITHM, &FINGERPRINT_TYPE],
    takes: "hexadecimal digits",
    hint: "The fingerprint of the server's key. The command ssh-keygen -r www, run on the server, \
           prints one line for each key and hash. SHA256: with what follows is taken too.",
    is_text: false,
    parse,
    codec: &digits::CODEC,
    guide: Guide {
        title: "the keys of your SSH server",
        intro: "Programs compare the key of the server with the record when they connect for the \
                first time. Run `ssh-keygen -r www` on the server: it prints what to enter, one \
                record for each line.",
        name: "www",
        parts: &["4", "2"],
        value: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        remark: "Users set `VerifyHostKeyDNS yes`. Unless the zone is signed (DNSSEC), OpenSSH \
                 shows the match and still asks.",
    },
};

static ALGORITHM: Part = Part {
    name: "algorithm",
    label: "Key algorithm",
    hint: "the first number that ssh-keygen -r prints. The default is 4 (Ed25519).",
    fault: "Key algorithm is 1, 2, 3, 4 or 6",
    default: Some("4"),
    choices: &[
        ("4", "4 (Ed25519)"),
        ("3", "3 (ECDSA)"),
        ("1", "1 (RSA)"),
        ("6", "6 (Ed448)"),
        ("2", "2 (DSA)"),
    ],
    wire: PartWire::Octet,
};

static FINGERPRINT_TYPE: Part = Part {
    name: "fingerprint_type",
    label: "Fingerprint type",
    hint: "the second number that ssh-keygen -r prints. The default is 2 (SHA-256).",
    fault: "Fingerprint type is 1 or 2",
    default: Some("2"),
    choices: &[("2", "2 (SHA-256)"), ("1", "1 (SHA-1)")],
    wire: PartWire::Octet,
};

/// A fingerprint with a hash that is no longer safe.
pub(super) const SHA1: ValueNote = ValueNote::new(
    "SHA-1 is outdated. Create the record with the SHA-256 fingerprint of the same key \
     (fingerprint type 2), and delete this one.",
);
/// A key of a kind that SSH programs refuse.
pub(super) const DSA: ValueNote =
    ValueNote::new("SSH programs refuse DSA keys now. Create the record of another key instead.");

const WHOLE: ValueFault = ValueFault::Rule(
    "choose the two numbers in their fields, and enter the fingerprint alone here",
);
const DIGITS: ValueFault = ValueFault::Rule(
    "enter the fingerprint as hexadecimal digits (0 to 9, a to f), the last column of what \
     ssh-keygen -r prints, or SHA256: with what follows",
);
const MD5: ValueFault = ValueFault::Rule(
    "this is an MD5 fingerprint, which no record can hold; run ssh-keygen -r www on the server",
);
const PUBLIC_KEY: ValueFault = ValueFault::Rule(
    "this is the key itself; run ssh-keygen -r www on the server and enter the fingerprint that it \
     prints",
);

fn parse(input: &str, parts: &[String]) -> Result<Parsed, ValueFault> {
    digits::check_line(input)?;
    match input {
        _ if SPEC.is_whole(input) => return Err(WHOLE),
        _ if ["ssh-", "ecdsa-"]
            .iter()
            .any(|prefix| input.starts_with(prefix)) =>
        {
            return Err(PUBLIC_KEY);
        }
        _ if input.starts_with("MD5:") => return Err(MD5),
        _ => {}
    }
    let octets = match input.strip_prefix("SHA256:") {
        Some(text) => BASE64_STANDARD_NO_PAD
            .decode(text.trim_end_matches('='))
            .ok(),
        None => digits::parse(input),
    };
    let octets = octets.ok_or(DIGITS)?;
    let [algorithm, fingerprint_type] = parts else {
        return Err(DIGITS);
    };
    let wanted = match fingerprint_type.as_str() {
        "1" => Some(("SHA-1", 20)),
        "2" => Some(("SHA-256", 32)),
        _ => None,
    };
    if let Some((hash, length)) = wanted.filter(|(_, length)| *length != octets.len()) {
        return Err(ValueFault::Detail(format!(
            "a {hash} fingerprint has {} hexadecimal digits, and here are {}; choose the \
             fingerprint type that fits",
            2 * length,
            2 * octets.len()
        )));
    }
    Ok(Parsed::plain(hex::encode(octets))
        .with_note((fingerprint_type == "1").then_some(SHA1))
        .with_note((algorithm == "2").then_some(DSA)))
}
