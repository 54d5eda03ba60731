//! Our own REST API, in deSEC's shapes where deSEC has them.

pub(crate) mod tokens;
