//! Each rule of the settings, through `Settings::read` as in the binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod files;
mod notation;
mod site;
mod values;
