#![no_main]

use starchart_saml::fuzzing::{gate, gate_seeds};

libfuzzer_sys::fuzz_target!(
    init: starchart_fuzz::plant("gate", gate_seeds()),
    |data: &[u8]| gate(data)
);
