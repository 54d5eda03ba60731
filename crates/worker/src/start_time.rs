//! The start time of this process.

use std::sync::Arc;

use starchart_domain::time::Timestamp;
use starchart_store::{Error, Store};
use tokio::sync::OnceCell;

/// The start of this process by the database's clock, read at the first use.
#[derive(Clone, Default)]
pub(crate) struct StartTime(Arc<OnceCell<Timestamp>>);

impl StartTime {
    pub(crate) async fn get(&self, store: &Store) -> Result<Timestamp, Error> {
        self.0.get_or_try_init(|| store.now()).await.copied()
    }
}
