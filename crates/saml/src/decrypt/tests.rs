//! One refusal for whatever cannot be decrypted: answers must not show what a ciphertext contains.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use openssl::encrypt::Encrypter;
use openssl::rsa::Rsa;

use super::*;
use crate::gate::KeyTransport;

const CIPHERS: [Cipher; 4] = [
    Cipher::Aes128Gcm,
    Cipher::Aes256Gcm,
    Cipher::Aes128Cbc,
    Cipher::Aes256Cbc,
];
const CBC: [Cipher; 2] = [Cipher::Aes128Cbc, Cipher::Aes256Cbc];
const IV: [u8; 16] = [7; 16];
const PLAIN: &[u8] = b"<saml:Assertion>\xc3\xa9</saml:Assertion>";

/// Our key, and encryption for it.
struct Fixture {
    ours: DecryptionKey,
    key: PKey<Private>,
}

impl Fixture {
    fn new() -> Self {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let pem = String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        let ours = DecryptionKey::parse(&Secret::new(pem)).unwrap();
        Self { ours, key }
    }

    /// Encrypts whole blocks (CBC) or any text (GCM) with the key `key`, which is wrapped for us.
    fn encrypt(&self, cipher: Cipher, key: &[u8], plain: &[u8]) -> EncryptedAssertion {
        let mut ciphertext;
        let used = symmetric(cipher);
        let mut sized = key.to_vec();
        sized.resize(used.key_len(), 0);
        if cipher.is_authenticated() {
            ciphertext = IV[..12].to_vec();
            let mut tag = [0; TAG_BYTES];
            let iv = Some(&IV[..12]);
            ciphertext.extend(symm::encrypt_aead(used, &sized, iv, &[], plain, &mut tag).unwrap());
            ciphertext.extend(tag);
        } else {
            ciphertext = IV.to_vec();
            let mut crypter = Crypter::new(used, Mode::Encrypt, &sized, Some(&IV)).unwrap();
            crypter.pad(false);
            let mut body = vec![0; plain.len() + used.block_size()];
            let length = crypter.update(plain, &mut body).unwrap();
            ciphertext.extend(&body[..length]);
        }
        EncryptedAssertion {
            cipher,
            transport: KeyTransport {
                digest: OaepHash::Sha1,
                mask: OaepHash::Sha1,
            },
            encrypted_key: wrap(&self.key, key),
            ciphertext,
        }
    }

    /// Encrypts an assertion correctly.
    fn valid(&self, cipher: Cipher) -> EncryptedAssertion {
        let padded = if cipher.is_authenticated() {
            PLAIN.to_vec()
        } else {
            padded(PLAIN, 0xaa)
        };
        self.encrypt(cipher, &key_for(cipher), &padded)
    }

    #[track_caller]
    fn assert_failed(&self, what: &str, encrypted: &EncryptedAssertion) {
        let outcome = self.ours.decrypt(encrypted);
        assert_eq!(outcome, Err(FAILED), "{:?}: {what}", encrypted.cipher);
    }
}

fn symmetric(cipher: Cipher) -> symm::Cipher {
    match cipher {
        Cipher::Aes128Gcm => symm::Cipher::aes_128_gcm(),
        Cipher::Aes256Gcm => symm::Cipher::aes_256_gcm(),
        Cipher::Aes128Cbc => symm::Cipher::aes_128_cbc(),
        Cipher::Aes256Cbc => symm::Cipher::aes_256_cbc(),
    }
}

fn key_for(cipher: Cipher) -> Vec<u8> {
    (1..).take(symmetric(cipher).key_len()).collect()
}

/// Wraps a key by RSA-OAEP with SHA-1.
fn wrap(key: &PKey<Private>, bytes: &[u8]) -> Vec<u8> {
    let mut encrypter = Encrypter::new(key).unwrap();
    encrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
    let mut wrapped = vec![0; encrypter.encrypt_len(bytes).unwrap()];
    let length = encrypter.encrypt(bytes, &mut wrapped).unwrap();
    wrapped.truncate(length);
    wrapped
}

/// Fills the last block up; the last byte is the number of bytes, and the others are `filler`.
fn padded(plain: &[u8], filler: u8) -> Vec<u8> {
    let count = 16 - plain.len() % 16;
    let mut padded = plain.to_vec();
    padded.resize(plain.len() + count - 1, filler);
    padded.push(u8::try_from(count).unwrap());
    padded
}

#[test]
fn padding_of_every_length_is_removed_and_only_its_length_is_read() {
    let fixture = Fixture::new();
    for cipher in CBC {
        for length in 16..=32 {
            let plain = "x".repeat(length);
            for filler in [0, 1, 0xaa, 0xff] {
                let body = padded(plain.as_bytes(), filler);
                let encrypted = fixture.encrypt(cipher, &key_for(cipher), &body);
                assert_eq!(
                    fixture.ours.decrypt(&encrypted).as_ref(),
                    Ok(&plain),
                    "{filler}"
                );
            }
        }
    }
}

#[test]
fn every_wrong_padding_is_the_same_refusal() {
    let fixture = Fixture::new();
    for cipher in CBC {
        for last in std::iter::once(0).chain(17..=255) {
            for blocks in [1, 2, 20] {
                let mut body = vec![b'x'; 16 * blocks];
                body.pop();
                body.push(last);
                let encrypted = fixture.encrypt(cipher, &key_for(cipher), &body);
                fixture.assert_failed(&format!("{blocks} blocks end in {last}"), &encrypted);
            }
        }
    }
}

#[test]
fn every_other_fault_is_the_same_refusal() {
    let fixture = Fixture::new();
    let stranger = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let smaller = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    for cipher in CIPHERS {
        let valid = || fixture.valid(cipher);
        assert_eq!(
            fixture.ours.decrypt(&valid()).unwrap().as_bytes(),
            PLAIN,
            "{cipher:?}"
        );
        let iv = if cipher.is_authenticated() { 12 } else { 16 };
        let whole = valid().ciphertext;
        let changed = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x80;
            bytes
        };
        for (what, ciphertext) in [
            ("nothing", Vec::new()),
            (
                "a part of the initialization vector",
                whole[..iv - 1].to_vec(),
            ),
            ("only the initialization vector", whole[..iv].to_vec()),
            ("15 bytes after it", whole[..iv + 15].to_vec()),
            ("the last byte missing", whole[..whole.len() - 1].to_vec()),
            ("a byte too many", [whole.clone(), vec![0]].concat()),
            ("the first byte changed", changed(iv)),
            ("the last byte changed", changed(whole.len() - 1)),
            ("zeros", vec![0; whole.len()]),
        ] {
            let encrypted = EncryptedAssertion {
                ciphertext,
                ..valid()
            };
            fixture.assert_failed(what, &encrypted);
        }
        let key = key_for(cipher);
        let wrapped = valid().encrypted_key;
        for (what, encrypted_key) in [
            ("no key", Vec::new()),
            ("one byte of a key", vec![1]),
            ("a part of the key", wrapped[..255].to_vec()),
            ("a byte after the key", [wrapped.clone(), vec![0]].concat()),
            ("a key of zeros", vec![0; 256]),
            ("a key above the modulus", vec![0xff; 256]),
            ("a key for somebody else", wrap(&stranger, &key)),
            ("a key for a smaller key", wrap(&smaller, &key)),
            ("an empty key inside", wrap(&fixture.key, &[])),
            ("a key of 24 bytes", wrap(&fixture.key, &[1; 24])),
            ("a byte of the key missing", wrap(&fixture.key, &key[1..])),
            ("another key", wrap(&fixture.key, &vec![9; key.len()])),
        ] {
            let encrypted = EncryptedAssertion {
                encrypted_key,
                ..valid()
            };
            fixture.assert_failed(what, &encrypted);
        }
        for (what, digest, mask) in [
            ("another digest", OaepHash::Sha256, OaepHash::Sha1),
            ("another mask", OaepHash::Sha1, OaepHash::Sha256),
            ("both", OaepHash::Sha256, OaepHash::Sha256),
        ] {
            let transport = KeyTransport { digest, mask };
            fixture.assert_failed(
                what,
                &EncryptedAssertion {
                    transport,
                    ..valid()
                },
            );
        }
        for (what, plain) in [
            ("Latin-1", &b"<a>\xe9</a>"[..]),
            ("UTF-16", b"\xff\xfe<\0a\0/\0>\0"),
            ("half a character", b"<a/>\xc3"),
        ] {
            let body = if cipher.is_authenticated() {
                plain.to_vec()
            } else {
                padded(plain, 0)
            };
            fixture.assert_failed(what, &fixture.encrypt(cipher, &key, &body));
        }
    }
}
