//! Re-encrypts private keys after a change of KEY_ENCRYPTION_KEYS, so that its old lines can go.

use std::collections::BTreeMap;
use std::fmt;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Set,
};
use starchart_domain::user::UserId;

use super::rows;
use crate::entity::{certificate, certificate_order};
use crate::tx::Tx;
use crate::vault::{KeyRow, SealedKey};
use crate::{Error, Store, VaultError, users};

/// A private key that is encrypted under another key than the first of KEY_ENCRYPTION_KEYS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaleKey {
    owner: UserId,
    row: KeyRow,
}

impl fmt::Display for StaleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            KeyRow::Order(id) => write!(f, "private key of certificate order #{id}"),
            KeyRow::Certificate(id) => write!(f, "private key of certificate #{id}"),
        }
    }
}

/// Lists the private keys that are not encrypted under the first key.
///
/// # Errors
/// [`VaultError::NoKeys`] when KEY_ENCRYPTION_KEYS is empty.
pub async fn list_stale_keys(store: &Store) -> Result<Vec<StaleKey>, Error> {
    let first = store.vault().first_key_id()?;
    let of_certificates: Vec<(i64, i64)> = certificate::Entity::find()
        .select_only()
        .column(certificate::Column::Id)
        .column(certificate::Column::UserId)
        .filter(certificate::Column::KeyId.ne(first))
        .into_tuple()
        .all(store.reader())
        .await?;
    let of_orders: Vec<(i64, i64)> = certificate_order::Entity::find()
        .select_only()
        .column(certificate_order::Column::Id)
        .column(certificate_order::Column::UserId)
        .filter(certificate_order::Column::KeyId.ne(first))
        .into_tuple()
        .all(store.reader())
        .await?;
    let stale = |row: fn(i64) -> KeyRow| {
        move |(id, owner)| StaleKey {
            owner: UserId(owner),
            row: row(id),
        }
    };
    let certificates = of_certificates.into_iter().map(stale(KeyRow::Certificate));
    let orders = of_orders.into_iter().map(stale(KeyRow::Order));
    Ok(certificates.chain(orders).collect())
}

/// Encrypts the private key under the first key, in one transaction. Returns false when there is
/// nothing left to do: the key was deleted or re-encrypted meanwhile.
///
/// # Errors
/// [`Error::Vault`] when the key cannot be decrypted; its row is left as it is.
pub async fn reencrypt(store: &Store, key: StaleKey) -> Result<bool, Error> {
    let StaleKey { owner, row } = key;
    store
        .write(|tx| async move {
            if !users::lock(&tx, owner).await? {
                return Ok(false);
            }
            let vault = tx.store().vault();
            let Some(sealed) = rows::find_any_sealed_key(tx.db(), row).await? else {
                return Ok(false);
            };
            if sealed.key_id == vault.first_key_id()? {
                return Ok(false);
            }
            let opened = vault.open(owner, row, &sealed)?;
            let resealed = vault.seal(owner, row, &opened)?;
            replace(&tx, row, &sealed, resealed).await
        })
        .await
}

/// Writes the key unless another one has taken its place.
async fn replace(tx: &Tx, row: KeyRow, old: &SealedKey, new: SealedKey) -> Result<bool, Error> {
    let (id, nonce) = (Some(new.key_id), Some(new.nonce));
    let ciphertext = Some(new.ciphertext);
    let old = old.nonce.as_slice();
    let updated = match row {
        KeyRow::Certificate(certificate) => {
            certificate::Entity::update_many()
                .set(certificate::ActiveModel {
                    key_id: Set(id),
                    key_nonce: Set(nonce),
                    key_ciphertext: Set(ciphertext),
                    ..Default::default()
                })
                .filter(certificate::Column::Id.eq(certificate))
                .filter(certificate::Column::KeyNonce.eq(old))
                .exec(tx.db())
                .await?
        }
        KeyRow::Order(order) => {
            certificate_order::Entity::update_many()
                .set(certificate_order::ActiveModel {
                    key_id: Set(id),
                    key_nonce: Set(nonce),
                    key_ciphertext: Set(ciphertext),
                    ..Default::default()
                })
                .filter(certificate_order::Column::Id.eq(order))
                .filter(certificate_order::Column::KeyNonce.eq(old))
                .exec(tx.db())
                .await?
        }
    };
    Ok(updated.rows_affected == 1)
}

/// Counts the private keys under each key: those of KEY_ENCRYPTION_KEYS first, in their order, then
/// keys that are not there and still needed.
pub async fn count_by_encryption_key(store: &Store) -> Result<Vec<(String, u64)>, Error> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (id, keys) in count_keys(store.reader()).await? {
        *counts.entry(id).or_default() += u64::try_from(keys).unwrap_or_default();
    }
    let known = store.vault().key_ids();
    let mut all: Vec<(String, u64)> = known
        .map(|id| (id.to_owned(), counts.remove(id).unwrap_or_default()))
        .collect();
    all.extend(counts);
    Ok(all)
}

async fn count_keys(on: &impl ConnectionTrait) -> Result<Vec<(String, i64)>, Error> {
    let mut counts: Vec<(String, i64)> = certificate::Entity::find()
        .select_only()
        .column(certificate::Column::KeyId)
        .column_as(Expr::col(certificate::Column::Id).count(), "n")
        .filter(certificate::Column::KeyId.is_not_null())
        .group_by(certificate::Column::KeyId)
        .into_tuple()
        .all(on)
        .await?;
    let of_orders: Vec<(String, i64)> = certificate_order::Entity::find()
        .select_only()
        .column(certificate_order::Column::KeyId)
        .column_as(Expr::col(certificate_order::Column::Id).count(), "n")
        .filter(certificate_order::Column::KeyId.is_not_null())
        .group_by(certificate_order::Column::KeyId)
        .into_tuple()
        .all(on)
        .await?;
    counts.extend(of_orders);
    Ok(counts)
}

/// Returns whether the error concerns this private key only, so that the others can go on.
pub fn is_of_one_key(error: &Error) -> bool {
    matches!(
        error,
        Error::Vault(VaultError::Sealed | VaultError::UnknownKey(_))
    )
}
