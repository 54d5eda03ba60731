#![doc = include_str!("../README.md")]

pub mod engine;
pub mod lookup;
pub mod propagation;
pub mod provider;
mod query;
