#![no_main]

use starchart_web::fuzzing::{dyndns, dyndns_seeds};

libfuzzer_sys::fuzz_target!(
    init: starchart_fuzz::plant("dyndns", dyndns_seeds()),
    |data: &[u8]| dyndns(data)
);
