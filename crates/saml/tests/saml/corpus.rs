//! How long the hostile documents of the other tests take; `script/bench saml` prints it.

use crate::fixture::{Check, take_checks};
use crate::{algorithms, conditions, encrypted, faults, structure, wrapping};

const TESTS: &[fn()] = &[
    wrapping::wrapped_assertions_are_refused,
    wrapping::wrapped_responses_are_refused,
    structure::doctypes_comments_cdata_and_processing_instructions_are_refused,
    structure::ambiguous_documents_are_refused,
    structure::unknown_elements_and_attributes_are_refused,
    structure::ids_must_be_unique_and_plain,
    structure::encrypted_parts_are_refused_with_their_own_reason,
    structure::encodings_other_than_utf8_and_base64_are_refused,
    structure::oversized_documents_are_refused_by_the_gate,
    faults::only_known_namespaces_are_declared,
    faults::an_id_of_any_namespace_is_refused,
    faults::a_second_signed_info_is_refused,
    faults::what_else_the_identity_provider_signed_is_no_response,
    faults::elements_of_another_namespace_are_not_read,
    faults::the_largest_documents_cost_little,
    algorithms::unsigned_changed_and_wrongly_signed_responses_are_refused,
    algorithms::a_valid_response_signature_does_not_cover_for_an_invalid_assertion_signature,
    algorithms::weak_algorithms_are_refused_with_a_valid_signature,
    algorithms::a_reference_to_anything_but_the_parent_is_refused_and_not_fetched,
    algorithms::transforms_other_than_enveloped_and_exclusive_c14n_are_refused,
    algorithms::objects_manifests_retrieval_methods_and_second_references_are_refused,
    conditions::audience_is_checked,
    conditions::recipient_and_destination_are_checked,
    conditions::in_response_to_is_checked,
    conditions::issuers_are_checked,
    conditions::conditions_and_their_times_are_checked,
    conditions::subject_confirmation_is_checked,
    conditions::issue_instants_are_checked,
    conditions::authn_statements_are_checked,
    conditions::versions_are_checked,
    conditions::the_status_is_checked,
    conditions::an_unsigned_failure_status_is_a_refusal_by_the_identity_provider,
    conditions::the_subject_must_be_one_attribute_with_one_plain_value,
    encrypted::an_encrypted_assertion_is_checked_as_any_other,
    encrypted::every_failure_to_decrypt_is_the_same,
    encrypted::without_a_key_an_encrypted_assertion_is_refused_with_its_own_reason,
];

#[test]
#[ignore = "a measurement, for a release build with nothing else running"]
#[expect(clippy::print_stdout, reason = "measurements are printed")]
fn the_slowest_refusal_is_printed() {
    for test in TESTS {
        test();
    }
    let (mut refused, honest): (Vec<Check>, Vec<Check>) = take_checks()
        .into_iter()
        .partition(|check| check.refusal.is_some());
    refused.sort_by_key(|check| check.time);
    let ms = |part: usize| {
        let at = (refused.len() - 1) * part / 100;
        refused[at].time.as_secs_f64() * 1000.0
    };
    let slowest = refused.last().and_then(|check| check.refusal).unwrap();
    println!(
        "{} hostile documents refused, none let through: median {:.2} ms, slowest {:.2} ms ({}); \
         {} honest ones beside them accepted",
        refused.len(),
        ms(50),
        ms(100),
        slowest.code(),
        honest.len()
    );
}
