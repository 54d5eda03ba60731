#![doc = include_str!("../README.md")]

pub mod attribution;
pub mod audit;
pub mod batch;
pub mod identity;
pub mod limiter;
pub mod plan;
pub mod propagation;
pub mod publish;
pub mod route53;
pub mod wire;
pub mod zone;
