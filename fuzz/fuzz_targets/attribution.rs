#![no_main]

use starchart_dns::provider::route53::fuzzing::{attribution, attribution_seeds};

libfuzzer_sys::fuzz_target!(
    init: starchart_fuzz::plant("attribution", attribution_seeds()),
    |data: &[u8]| attribution(data)
);
