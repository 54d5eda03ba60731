#![no_main]

use starchart_web::fuzzing::{httpreq, httpreq_seeds};

libfuzzer_sys::fuzz_target!(
    init: starchart_fuzz::plant("httpreq", httpreq_seeds()),
    |data: &[u8]| httpreq(data)
);
