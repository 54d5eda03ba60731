//! Our own REST API, in deSEC's shapes where deSEC has them.

pub(crate) mod account;
mod answer;
pub(crate) mod certificate;
pub(crate) mod domains;
pub(crate) mod history;
pub(crate) mod openapi;
pub(crate) mod operation;
mod paging;
pub(crate) mod query;
pub(crate) mod records;
pub(crate) mod rrsets;
pub(crate) mod tokens;
