#![doc = include_str!("../README.md")]

pub mod attribution;
pub mod audit;
pub mod batch;
pub mod canonical;
pub mod limiter;
pub mod plan;
pub mod propagation;
pub mod publish;
pub mod route53;
pub mod zone;
pub mod zone_verifier;
