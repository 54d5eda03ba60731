#![no_main]

use starchart_settings::fuzzing::{settings, settings_seeds};

libfuzzer_sys::fuzz_target!(
    init: starchart_fuzz::plant("settings", settings_seeds()),
    |data: &[u8]| settings(data)
);
