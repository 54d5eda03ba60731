//! Parses private keys in PEM form and the keys that encrypt data at rest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use starchart_domain::secret::Secret;
use zeroize::Zeroizing;

use crate::parse;

/// The algorithm of an ACME account key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    P256,
    Rsa,
}

/// OBJECT IDENTIFIER 1.2.840.10045.3.1.7 (P-256) in DER; below it 1.2.840.113549.1.1.1 (RSA).
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const RSA: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
];

/// Returns the algorithm of the first private key in a PEM text (PKCS#8, SEC1 or PKCS#1).
///
/// # Errors
/// What is wrong and how to correct it.
pub(crate) fn kind(pem: &str) -> Result<KeyKind, String> {
    if pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || pem.contains("Proc-Type: 4,ENCRYPTED")
    {
        return Err("is protected by a passphrase; store it without one".to_owned());
    }
    if block(pem, "RSA PRIVATE KEY").is_some() {
        return Ok(KeyKind::Rsa);
    }
    let der = block(pem, "PRIVATE KEY").or_else(|| block(pem, "EC PRIVATE KEY"));
    let der = der.ok_or("holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)")?;
    let names = |oid: &[u8]| der.windows(oid.len()).any(|window| window == oid);
    match () {
        () if names(P256) => Ok(KeyKind::P256),
        () if names(RSA) => Ok(KeyKind::Rsa),
        () => Err("holds neither a P-256 nor an RSA key; make a P-256 key".to_owned()),
    }
}

/// Decodes the first PEM block with this label.
fn block(pem: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body = Zeroizing::new(body.split_whitespace().collect::<String>());
    STANDARD.decode(body.as_bytes()).ok().map(Zeroizing::new)
}

/// Parses `KEY_ENCRYPTION_KEYS`: lines of `id:base64 of 32 bytes`.
///
/// # Errors
/// The faults with their line numbers, without any text of the lines (I9).
pub(crate) fn encryption_keys(text: &str) -> Result<Vec<(String, Secret)>, String> {
    let mut ids: Vec<String> = Vec::new();
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    parse::all(lines.map(|(number, line)| {
        let (id, key) =
            encryption_key(line.trim()).map_err(|what| format!("line {}: {what}", number + 1))?;
        if ids.contains(&id) {
            return Err(format!(
                "line {}: an earlier line has the same id",
                number + 1
            ));
        }
        ids.push(id.clone());
        Ok((id, key))
    }))
}

fn encryption_key(line: &str) -> Result<(String, Secret), &'static str> {
    let (id, key) = line
        .split_once(':')
        .ok_or("must be id:base64 of 32 bytes")?;
    if id.is_empty()
        || id.len() > 32
        || !id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    {
        return Err("the id before the colon must be 1 to 32 letters, digits, - or _");
    }
    let bytes = STANDARD
        .decode(key.trim())
        .map(Zeroizing::new)
        .map_err(|_| "the text after the colon is not base64")?;
    match bytes.len() {
        32 => Ok((id.to_owned(), Secret::new(key.trim()))),
        _ => Err("the key must be 32 bytes long (44 characters of base64)"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn pem(label: &str, der: &[u8]) -> String {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(der)
        )
    }

    #[test]
    fn the_algorithm_of_a_key_is_detected() {
        let pkcs8_p256 = [&[0x30, 0x13, 0x06, 0x07], P256, &[0x04, 0x20, 0x01]].concat();
        let pkcs8_rsa = [&[0x30, 0x0d], RSA, &[0x05, 0x00]].concat();
        assert_eq!(kind(&pem("PRIVATE KEY", &pkcs8_p256)), Ok(KeyKind::P256));
        assert_eq!(kind(&pem("EC PRIVATE KEY", &pkcs8_p256)), Ok(KeyKind::P256));
        let with_parameters = pem("EC PARAMETERS", P256) + &pem("EC PRIVATE KEY", &pkcs8_p256);
        assert_eq!(kind(&with_parameters), Ok(KeyKind::P256));
        assert_eq!(kind(&pem("PRIVATE KEY", &pkcs8_rsa)), Ok(KeyKind::Rsa));
        assert_eq!(kind(&pem("RSA PRIVATE KEY", b"any")), Ok(KeyKind::Rsa));
        assert!(kind(&pem("CERTIFICATE", P256)).is_err());
        assert!(
            kind(&pem("ENCRYPTED PRIVATE KEY", P256))
                .unwrap_err()
                .contains("passphrase")
        );
        assert!(kind(&pem("PRIVATE KEY", &[0x06, 0x03, 0x2b, 0x65, 0x70])).is_err());
    }

    #[test]
    fn encryption_keys_keep_their_order() {
        let line = |id: &str, byte: u8| format!("{id}:{}", STANDARD.encode([byte; 32]));
        let keys =
            encryption_keys(&format!("{}\r\n\n{}\n", line("2026", 1), line("2025", 2))).unwrap();
        assert_eq!(
            keys.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
            ["2026", "2025"]
        );
        let fault = encryption_keys(&format!("hunter2\n{}\na:hunter?", line("a", 1))).unwrap_err();
        assert!(
            fault.contains("line 1: ") && fault.contains("; line 3: "),
            "every line is reported: {fault}"
        );
        let duplicate = format!("{}\n{}", line("a", 1), line("a", 2));
        let short = format!("a:{}", STANDARD.encode([1; 31]));
        for (text, line) in [
            (duplicate.as_str(), "line 2"),
            (&short, "line 1"),
            ("hunter2", "line 1"),
            ("a:hunter?", "line 1"),
        ] {
            let fault = encryption_keys(text).unwrap_err();
            assert!(
                fault.starts_with(line) && !fault.contains("hunter"),
                "{fault}"
            );
        }
    }
}
