//! For each pillar: its attacks are refused by the service as it is, and succeed against the one that lacks it.

use drawbridge::lab::{PILLARS, Pillar};
use drawbridge_attack::{Verdict, cases};

use crate::support::lab;

macro_rules! pillars {
    ($($test:ident $name:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                stops_its_attacks($name).await;
            }
        )*

        #[test]
        fn every_pillar_is_tried() {
            let tried = [$($name),*];
            assert_eq!(tried.as_slice(), PILLARS.iter().map(|pillar| pillar.name).collect::<Vec<_>>());
        }
    };
}

pillars! {
    without_jwt_signature_a_forged_token_opens "jwt-signature";
    without_jwt_algorithm_an_unsigned_token_opens "jwt-algorithm";
    without_jwt_embedded_key_a_stranger_s_token_opens "jwt-embedded-key";
    without_jwt_type_an_id_token_opens "jwt-type";
    without_jwt_issuer_another_issuer_s_token_opens "jwt-issuer";
    without_jwt_audience_another_service_s_token_opens "jwt-audience";
    without_jwt_expiry_an_old_token_opens "jwt-expiry";
    without_session_liveness_a_sign_out_changes_nothing "session-liveness";
    without_step_up_an_old_sign_in_is_enough "step-up";
    without_object_ownership_an_id_is_enough "object-ownership";
    without_role_allowlist_anyone_is_an_administrator "role-allowlist";
    without_api_key_scope_a_key_to_read_writes "api-key-scope";
    without_mass_assignment_users_promote_themselves "mass-assignment";
    without_strict_json_two_readers_read_two_things "strict-json";
    without_sql_parameters_a_name_is_a_command "sql-parameters";
    without_body_size_a_body_has_no_end "body-size";
    without_content_type_a_stranger_s_form_is_taken "content-type";
    without_if_match_a_change_is_lost "if-match";
    without_idempotency_a_retry_is_a_second_time "idempotency";
    without_login_limit_passwords_are_guessed "login-limit";
    without_flood_guard_one_client_is_a_flood "flood-guard";
    without_client_address_limits_are_walked_around "client-address";
    without_slow_clients_a_connection_is_held "slow-clients";
    without_cors_allowlist_a_stranger_s_page_reads "cors-allowlist";
    without_security_headers_browsers_guess "security-headers";
    without_error_detail_errors_tell "error-detail";
    without_login_enumeration_accounts_are_found "login-enumeration";
    without_refresh_reuse_a_stolen_token_lives_on "refresh-reuse";
    without_one_time_token_a_mail_opens_twice "one-time-token";
    without_totp_replay_a_code_opens_twice "totp-replay";
    without_mfa_tries_codes_are_guessed "mfa-tries";
    without_password_policy_any_password_will_do "password-policy";
}

async fn stops_its_attacks(name: &str) {
    let pillar = Pillar::named(name).unwrap();
    let all: Vec<_> = cases().iter().filter(|case| case.pillar == Some(name)).map(|case| case.id).collect();
    let lab = lab().await;
    let left_out = [pillar];
    let (with, without) = tokio::join!(lab.attack(&[], Some(&all)), lab.attack(&left_out, Some(&all)));

    for id in all {
        let outcome = with.outcome(id).unwrap();
        assert!(matches!(outcome.verdict, Verdict::Held), "{id} against the whole service: {:?}", outcome.verdict);
    }
    let holes = without.outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Hole(_)));
    let holes: Vec<_> = holes.map(|outcome| outcome.case.id).collect();
    assert!(!pillar.cases.is_empty(), "{name} names no attack that proves it; these would: {holes:?}");
    for id in pillar.cases {
        let outcome = without.outcome(id).unwrap_or_else(|| panic!("{id} is no case of {name}"));
        assert!(matches!(outcome.verdict, Verdict::Hole(_)), "{id} without {name}: {:?}", outcome.verdict);
    }
}
