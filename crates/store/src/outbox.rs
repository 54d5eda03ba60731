//! Mails that are owed: rows, until somebody has sent them.

use starchart_domain::notice::Notice;
use starchart_domain::user::UserId;

use crate::Error;
use crate::tx::Tx;

/// Owes a mail in the caller's transaction: one of a kind for a `thing` (`order:7`, `user:3`) and a day of the database's clock.
#[expect(dead_code, reason = "certificates and expiry use it from the next commits on")]
pub(crate) async fn owe(_: &Tx, _to: UserId, _thing: &str, _: &Notice) -> Result<(), Error> {
    Ok(())
}
