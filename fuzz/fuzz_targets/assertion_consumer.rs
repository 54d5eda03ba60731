#![no_main]

use starchart_saml::fuzzing::AssertionConsumer;

thread_local! {
    static CONSUMER: AssertionConsumer = AssertionConsumer::new();
}

libfuzzer_sys::fuzz_target!(
    init: starchart_fuzz::plant("assertion_consumer", CONSUMER.with(AssertionConsumer::seeds)),
    |data: &[u8]| CONSUMER.with(|consumer| consumer.check(data))
);
