#![no_main]

use starchart_web::fuzzing::{form, form_seeds};

libfuzzer_sys::fuzz_target!(
    init: starchart_fuzz::plant("form", form_seeds()),
    |data: &[u8]| form(data)
);
