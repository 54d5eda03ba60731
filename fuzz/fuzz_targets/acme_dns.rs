#![no_main]

use starchart_web::fuzzing::{acme_dns, acme_dns_seeds};

libfuzzer_sys::fuzz_target!(
    init: starchart_fuzz::plant("acme_dns", acme_dns_seeds()),
    |data: &[u8]| acme_dns(data)
);
