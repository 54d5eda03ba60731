//! What rows say is owed, done in the background.
//!
//! Each job has one loop in a process. It runs when it is woken, when its handler asked to come
//! back, and at every sweep; a lease in the database keeps the loops of several processes apart.
//! Handlers are idempotent: they read rows, act, and write rows.

mod context;
mod handlers;
pub mod reconcile;
mod schedule;

pub use context::Context;
pub use schedule::run;
