//! Each rule of the settings, through the one entry that the binary uses.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod files;
mod site;
mod values;
