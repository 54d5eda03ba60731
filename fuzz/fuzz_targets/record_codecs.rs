#![no_main]

use starchart_domain::fuzzing::{record_codec_seeds, record_codecs};

libfuzzer_sys::fuzz_target!(
    init: starchart_fuzz::plant("record_codecs", record_codec_seeds()),
    |data: &[u8]| record_codecs(data)
);
