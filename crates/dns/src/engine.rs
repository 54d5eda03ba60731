//! What makes the zone match the database: [`publish`] changes it, [`audit`] compares it. The
//! engine knows no provider; it uses the port [`crate::provider`].

pub mod audit;
pub mod batch;
pub mod plan;
pub mod publish;
pub mod zone_verifier;
