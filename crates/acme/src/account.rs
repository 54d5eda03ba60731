//! Our account at the authority: a key, and what it was registered as.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use instant_acme::{Account, Error, Key};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use starchart_domain::secret::Secret;
use tokio::sync::Mutex;
use tracing::{info, warn};
use url::Url;
use zeroize::Zeroizing;

use crate::authority::AuthorityError;
use crate::client::PinnedClient;
use crate::problem::{About, answer, authority_error};

/// How often registration is tried when the answer may be another the next time.
const TRIES: u32 = 3;

/// The account's P-256 key, PKCS#8 in DER.
pub(crate) struct AccountKey(Zeroizing<Vec<u8>>);

impl AccountKey {
    /// Reads PKCS#8 (`PRIVATE KEY`) and SEC1 (`EC PRIVATE KEY`, RFC 5915), also behind `EC
    /// PARAMETERS` as openssl writes them.
    ///
    /// # Errors
    /// In words that hold nothing of the key.
    pub(crate) fn from_pem(text: &Secret) -> Result<Self, String> {
        let blocks = pem::parse_many(text.expose()).map_err(|_| "it is no PEM".to_owned())?;
        let block = blocks
            .into_iter()
            .find(|block| matches!(block.tag(), "PRIVATE KEY" | "EC PRIVATE KEY"));
        let der = Zeroizing::new(block.ok_or("it holds no private key")?.into_contents());
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
            .map_err(|_| "it is no P-256 key".to_owned())?;
        let pkcs8 = pair
            .to_pkcs8v1()
            .map_err(|_| "it cannot be written as PKCS#8".to_owned())?;
        Ok(Self(Zeroizing::new(pkcs8.as_ref().to_vec())))
    }

    fn pair(&self) -> Result<(Key, PrivateKeyDer<'static>), Error> {
        let key = Key::from_pkcs8_der(PrivatePkcs8KeyDer::from(self.0.as_slice()))?;
        Ok((key, PrivatePkcs8KeyDer::from(self.0.to_vec()).into()))
    }
}

/// The account, registered when it is first needed and kept in memory.
///
/// The key is the account (RFC 8555 section 7.3.1): whoever registers it again, in another process
/// or after a restart, gets the same account, so that nothing has to be stored.
pub(crate) struct Registration {
    client: PinnedClient,
    directory: Url,
    key: AccountKey,
    email: Option<String>,
    known: Mutex<Option<Account>>,
}

impl Registration {
    pub(crate) fn new(
        client: PinnedClient,
        directory: Url,
        key: AccountKey,
        email: Option<String>,
    ) -> Self {
        Self {
            client,
            directory,
            key,
            email,
            known: Mutex::default(),
        }
    }

    /// The account, registered if need be.
    pub(crate) async fn account(&self) -> Result<Account, AuthorityError> {
        let mut known = self.known.lock().await;
        if let Some(account) = &*known {
            return Ok(account.clone());
        }
        let mut registered = self.register().await;
        for _ in 1..TRIES {
            match &registered {
                // Two at once: an authority may refuse the later one, which finds the account when
                // it tries again.
                Err(error) if answer(error).is_some_and(|answer| answer.may_pass()) => {
                    registered = self.register().await
                }
                _ => break,
            }
        }
        let account = registered.map_err(|error| authority_error(&error, About::Account))?;
        info!(
            account = account.id(),
            "the account at the certificate authority is known"
        );
        self.tell_email(&account).await;
        Ok(known.insert(account).clone())
    }

    /// Registers anew the next time: the authority does not know the account any more.
    pub(crate) async fn forget(&self) {
        *self.known.lock().await = None;
    }

    async fn register(&self) -> Result<Account, Error> {
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let (account, _) = builder
            .create_from_key(self.key.pair()?, self.directory.to_string())
            .await?;
        Ok(account)
    }

    /// The address is a courtesy: certificates do not wait for it.
    async fn tell_email(&self, account: &Account) {
        let Some(email) = &self.email else { return };
        if let Err(error) = account.update_contacts(&[&format!("mailto:{email}")]).await {
            let error = authority_error(&error, About::Account);
            warn!(%error, "LETS_ENCRYPT_ACCOUNT_EMAIL: the certificate authority did not take the address");
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use openssl::ec::{Asn1Flag, EcGroup, EcKey};
    use openssl::nid::Nid;
    use openssl::pkey::PKey;

    use super::*;

    fn ec(curve: Nid) -> EcKey<openssl::pkey::Private> {
        let mut group = EcGroup::from_curve_name(curve).unwrap();
        group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
        EcKey::generate(&group).unwrap()
    }

    fn read(pem: &[u8]) -> Result<AccountKey, String> {
        AccountKey::from_pem(&Secret::new(String::from_utf8(pem.to_vec()).unwrap()))
    }

    #[test]
    fn pkcs8_and_sec1_are_the_same_account() {
        let key = ec(Nid::X9_62_PRIME256V1);
        let sec1 = key.private_key_to_pem().unwrap();
        let pkcs8 = PKey::from_ec_key(key)
            .unwrap()
            .private_key_to_pem_pkcs8()
            .unwrap();
        let parameters =
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        let behind_parameters = [parameters.as_slice(), &sec1].concat();
        let thumbprint = |pem: &[u8]| read(pem).unwrap().0.to_vec();
        assert_eq!(thumbprint(&sec1), thumbprint(&pkcs8));
        assert_eq!(thumbprint(&sec1), thumbprint(&behind_parameters));
        assert!(read(&sec1).unwrap().pair().is_ok());
    }

    #[test]
    fn other_keys_are_refused_in_words() {
        let p384 = ec(Nid::SECP384R1).private_key_to_pem().unwrap();
        let rsa = openssl::rsa::Rsa::generate(2048)
            .unwrap()
            .private_key_to_pem()
            .unwrap();
        for (pem, words) in [
            (p384, "no P-256"),
            (rsa, "no private key"),
            (b"hello".to_vec(), "no private key"),
        ] {
            let fault = read(&pem).err().unwrap();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
