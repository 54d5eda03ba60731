#![no_main]

use starchart_settings::fuzzing::{env_file, env_file_seeds};

libfuzzer_sys::fuzz_target!(
    init: starchart_fuzz::plant("env_file", env_file_seeds()),
    |data: &[u8]| env_file(data)
);
