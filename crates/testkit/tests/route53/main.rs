//! The strict Route53: the contract of the API as the AWS SDK sees it, the knobs, and DNS.
//!
//! Every case of the contract runs on the strict Route53. Those marked `both` run on moto as well,
//! an independent implementation, which accepts what the others expect to be refused.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod cases;
mod dns;
mod knobs;
mod sdk;

use sdk::Api;
use starchart_testkit::moto::Moto;
use starchart_testkit::route53::StrictRoute53;

/// Defines a test for each case on the strict Route53, and one test for all cases on moto.
macro_rules! contract {
    ($($case:ident: $where:ident;)*) => {
        mod strict {
            $(
                #[tokio::test]
                async fn $case() {
                    let route53 = super::StrictRoute53::start(super::sdk::ZONE).await;
                    let api = super::Api::new(&route53.endpoint(), route53.zone_id());
                    super::cases::$case(&api).await;
                }
            )*
        }

        #[tokio::test]
        async fn the_cases_that_moto_shares_hold_on_it() {
            let moto = Moto::start().await;
            let mut ran = 0;
            $(contract!(@moto $where, moto, ran, $case);)*
            assert!(ran > 0, "no case ran");
        }
    };
    (@moto both, $moto:ident, $ran:ident, $case:ident) => {
        eprintln!("on moto: {}", stringify!($case));
        cases::$case(&Api::new($moto.endpoint(), &$moto.create_zone(sdk::ZONE).await)).await;
        $ran += 1;
    };
    (@moto strict, $moto:ident, $ran:ident, $case:ident) => {};
}

contract! {
    a_new_zone_has_ns_and_soa: strict;
    every_type_is_kept_as_given: both;
    create_over_an_existing_set: strict;
    cname_beside_another_set: strict;
    another_set_beside_a_cname: strict;
    cname_at_the_apex: strict;
    cname_with_two_values: strict;
    duplicate_values: strict;
    bad_values: strict;
    text_too_long: strict;
    bad_names: strict;
    name_outside_the_zone: both;
    name_that_only_ends_like_the_zone: strict;
    ttl_missing_or_out_of_range: strict;
    empty_batch: strict;
    one_set_twice_in_a_batch: strict;
    too_many_characters: strict;
    too_many_records: both;
    the_largest_batch: strict;
    upsert_replaces: both;
    delete_with_stale_values: strict;
    delete_absent: strict;
    delete_needs_the_ttl_too: strict;
    delete_ignores_the_order_of_values: strict;
    replace_in_one_batch: both;
    replace_and_return_to_earlier_values: strict;
    a_becomes_cname_in_one_batch: both;
    upper_case_is_the_same_name: strict;
    wildcards_come_back_escaped: strict;
    escapes_in_texts: strict;
    a_batch_is_all_or_nothing: strict;
    apex_ns_and_soa_stay: strict;
    pages_of_at_most_300: strict;
    pages_meet: both;
    listing_starts_where_asked: both;
    changes_are_in_sync_at_last: both;
    unknown_change: strict;
    unknown_zone: both;
    the_zone_names_its_servers: both;
}
