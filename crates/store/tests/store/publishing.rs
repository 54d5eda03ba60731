//! The publish side: leases and their fence, what is pending and confirmed, refusals, and what
//! follows a send.

mod fences;
mod names;
mod refusals;
mod sends;

use futures_util::future::join_all;
use starchart_domain::publish::PublishState;
use starchart_domain::record::RecordType;
use starchart_store::lease::{self, LeaseName};
use starchart_store::records;
use starchart_store::zone;

use crate::world::{World, answers, body, outcome, refused};
