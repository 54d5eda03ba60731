//! What is shared between processes through Redis.

mod link;

pub use link::Error;
pub(crate) use link::Link;
