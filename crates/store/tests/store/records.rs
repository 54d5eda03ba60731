//! Creating, editing, renewing and deleting: limits, exclusivity and ownership under parallel
//! requests.

mod batches;
mod changes;
mod conflicts;
mod ttls;

use futures_util::future::join_all;
use starchart_domain::expiry::record_expires_at;
use starchart_domain::publish::PublishState;
use starchart_domain::record::{NewRecord, RecordId, RecordType};
use starchart_store::records::{self, RecordError};

use crate::world::{DAY_MS, TestUser, World};
