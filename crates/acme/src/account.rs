//! The ACME account (RFC 8555 section 7.3): its key and its registration.

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
use crate::problem::{RequestKind, authority_error, error_response};

/// Attempts to register the account when the response may differ at the next attempt.
const MAX_ATTEMPTS: u32 = 3;

/// The account's P-256 key, as PKCS#8 in DER; wiped on drop (invariant I9).
pub(crate) struct AccountKey(Zeroizing<Vec<u8>>);

impl AccountKey {
    /// Parses PKCS#8 (`PRIVATE KEY`) and SEC1 (`EC PRIVATE KEY`, RFC 5915), the latter also after
    /// `EC PARAMETERS`, as OpenSSL writes it.
    ///
    /// # Errors
    /// The reason, without key material.
    pub(crate) fn from_pem(text: &Secret) -> Result<Self, String> {
        let blocks = pem::parse_many(text.expose()).map_err(|_| "it is not PEM".to_owned())?;
        let block = blocks
            .into_iter()
            .find(|block| matches!(block.tag(), "PRIVATE KEY" | "EC PRIVATE KEY"));
        let der = Zeroizing::new(block.ok_or("it contains no private key")?.into_contents());
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
            .map_err(|_| "it is not a P-256 key".to_owned())?;
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

/// Registers the account when it is first needed, and caches it in memory.
///
/// Registering a known key returns its existing account (RFC 8555 section 7.3.1), so every process
/// finds the same account and nothing has to be stored.
pub(crate) struct AccountCache {
    client: PinnedClient,
    directory: Url,
    key: AccountKey,
    email: Option<String>,
    cached: Mutex<Option<Account>>,
}

impl AccountCache {
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
            cached: Mutex::default(),
        }
    }

    /// Returns the account; registers it first when it is not cached.
    pub(crate) async fn account(&self) -> Result<Account, AuthorityError> {
        let mut cached = self.cached.lock().await;
        if let Some(account) = &*cached {
            return Ok(account.clone());
        }
        let mut registered = self.register().await;
        for _ in 1..MAX_ATTEMPTS {
            match &registered {
                // When two processes register at once, an authority may refuse the later one. Its
                // next attempt finds the account.
                Err(error) if error_response(error).is_some_and(|it| it.is_retryable()) => {
                    registered = self.register().await
                }
                _ => break,
            }
        }
        let account = registered.map_err(|error| authority_error(&error, RequestKind::Account))?;
        info!(account = account.id(), "registered the ACME account");
        self.update_contact(&account).await;
        Ok(cached.insert(account).clone())
    }

    /// Discards the cached account, so that the next call registers it again.
    pub(crate) async fn discard(&self) {
        *self.cached.lock().await = None;
    }

    async fn register(&self) -> Result<Account, Error> {
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let (account, _) = builder
            .create_from_key(self.key.pair()?, self.directory.to_string())
            .await?;
        Ok(account)
    }

    /// Sends the contact address (RFC 8555 section 7.3.2). A failure is logged only, because
    /// certificates are issued without a contact too.
    async fn update_contact(&self, account: &Account) {
        let Some(email) = &self.email else { return };
        if let Err(error) = account.update_contacts(&[&format!("mailto:{email}")]).await {
            let error = authority_error(&error, RequestKind::Account);
            warn!(
                %error,
                "LETS_ENCRYPT_ACCOUNT_EMAIL: the certificate authority did not accept the address"
            );
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

    fn parse(pem: &[u8]) -> Result<AccountKey, String> {
        AccountKey::from_pem(&Secret::new(String::from_utf8(pem.to_vec()).unwrap()))
    }

    #[test]
    fn pkcs8_and_sec1_give_the_same_account_key() {
        let key = ec(Nid::X9_62_PRIME256V1);
        let sec1 = key.private_key_to_pem().unwrap();
        let pkcs8 = PKey::from_ec_key(key)
            .unwrap()
            .private_key_to_pem_pkcs8()
            .unwrap();
        let parameters =
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        let behind_parameters = [parameters.as_slice(), &sec1].concat();
        let key_der = |pem: &[u8]| parse(pem).unwrap().0.to_vec();
        assert_eq!(key_der(&sec1), key_der(&pkcs8));
        assert_eq!(key_der(&sec1), key_der(&behind_parameters));
        assert!(parse(&sec1).unwrap().pair().is_ok());
    }

    #[test]
    fn other_keys_are_refused_with_a_reason() {
        let p384 = ec(Nid::SECP384R1).private_key_to_pem().unwrap();
        let rsa = openssl::rsa::Rsa::generate(2048)
            .unwrap()
            .private_key_to_pem()
            .unwrap();
        for (pem, words) in [
            (p384, "not a P-256"),
            (rsa, "no private key"),
            (b"hello".to_vec(), "no private key"),
        ] {
            let error = parse(&pem).err().unwrap();
            assert!(error.contains(words), "{error}");
        }
    }
}
