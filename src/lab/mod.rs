//! The lab: the service with a pillar left out, so that everyone can see what it was for.
//!
//! `cargo run --features insecure-lab -- lab --without jwt-audience` composes the service as ever, but for one pillar, and
//! the attack that the pillar stops succeeds. Nothing in a pillar knows of this: what is left out is left out where the parts
//! are put together (`compose`), by a changed setting, by a careless handler behind a line of the route table, or by
//! something in front of the finished service. `careless/` is what people write when they forget a pillar; read it beside
//! the defence.
//!
//! A service with a hole must not be found by anybody: no release build has a lab, production refuses it, it listens on
//! loopback alone, and what it does it does in a database and a folder of its own, made anew at each start.
//!
//! In reading order: this table, `pillar` (what a line of it is), `compose` (how it is left out), `home` (where the lab
//! lives), `databases` and `people` (what it finds there), `running` (a service that is up), `heard` (the log in memory), `page` (all of it in a
//! browser).

#[cfg(not(debug_assertions))]
compile_error!("the feature `insecure-lab` makes services with holes: it exists in debug builds alone");

pub mod careless;
mod compose;
mod databases;
pub mod heard;
mod home;
pub mod page;
mod people;
mod pillar;
mod running;

pub use self::{
    compose::compose,
    databases::Databases,
    home::{Home, LOUD, Values},
    people::Credentials,
    pillar::{Excerpt, Finished, Line, Pillar, Without},
    running::{Lab, Running, serve},
};

use self::{
    Without::{Changed, Chosen, Front, Handlers, Layers},
    careless::{
        account, answers, browsers, claims, client, layers, lists, mailed, objects, profile, registration,
        second_factor, session, settings, signature,
    },
};

macro_rules! pillars {
    ($($name:literal $title:literal $defence:literal $careless:literal $without:expr, $cases:expr;)*) => {
        /// Every pillar that can be left out.
        pub const PILLARS: [Pillar; [$($name),*].len()] = [$(Pillar {
            name: $name,
            title: $title,
            defence: Excerpt {
                file: concat!("src/", $defence),
                anchor: $name,
                source: include_str!(concat!("../", $defence)),
            },
            careless: Excerpt {
                file: concat!("src/lab/careless/", $careless),
                anchor: $name,
                source: include_str!(concat!("careless/", $careless)),
            },
            cases: $cases,
            without: $without,
        }),*];
    };
}

pillars! {
    // Tokens.
    "jwt-signature" "What a token says is believed, whoever signed it"
        "security/jwt/verify.rs" "signature.rs" Front(signature::unsigned),
        &["jwt-signature-stripped", "jwt-payload-swapped", "jwt-signature-of-another-key"];
    "jwt-algorithm" "A token chooses how it is checked"
        "security/jwt/verify.rs" "signature.rs" Front(signature::any_algorithm),
        &["jwt-alg-none", "jwt-alg-none-spelled", "jwt-hs256-public-key-pem"];
    "jwt-embedded-key" "A token brings the key that it is checked with"
        "security/jwt/verify.rs" "signature.rs" Front(signature::embedded_key),
        &["jwt-embedded-jwk"];
    "jwt-type" "A signed token of any kind is an access token"
        "security/jwt/verify.rs" "claims.rs" Front(claims::any_type),
        &["jwt-type-missing", "jwt-id-token"];
    "jwt-issuer" "Nobody asks who issued a token"
        "security/jwt/claims.rs" "claims.rs" Front(claims::any_issuer),
        &["jwt-issuer-wrong", "jwt-issuer-missing"];
    "jwt-audience" "A token for another service opens this one"
        "security/jwt/claims.rs" "claims.rs" Front(claims::any_audience),
        &["jwt-audience-of-another", "jwt-audience-missing"];
    "jwt-expiry" "A token lives for ever"
        "security/jwt/claims.rs" "claims.rs" Front(claims::any_time),
        &["jwt-expired", "jwt-expiry-missing", "jwt-expiry-far"];
    "session-liveness" "A token goes on working after its session has ended"
        "http/caller.rs" "session.rs" Front(session::never_asked),
        &["session-after-logout", "jwt-subject-of-another", "jwt-role-raised"];
    "step-up" "A refresh counts as a proof of who somebody is"
        "security/access.rs" "session.rs" Front(session::always_fresh),
        &["step-up-old-sign-in", "step-up-stale-key"];
    // Who may do what.
    "object-ownership" "Who knows an id reads what is behind it"
        "features/accounts/read.rs" "objects.rs" Handlers(&objects::LINES),
        &["bola-walk"];
    "role-allowlist" "Whoever is signed in is an administrator"
        "security/access.rs" "lists.rs" Handlers(&lists::LINES),
        &["bfla-list-users", "bfla-role-claims"];
    "api-key-scope" "A key does whatever its owner may do"
        "security/access.rs" "profile.rs" Handlers(&profile::ANY_SCOPE),
        &["key-scope-exceeded", "key-reads-and-writes"];
    // What comes in.
    "mass-assignment" "What is sent is written, whatever it is"
        "features/accounts/update.rs" "profile.rs" Handlers(&profile::ANY_FIELD),
        &["mass-assignment-role"];
    "strict-json" "Of two equal keys the last one wins"
        "security/input/json.rs" "profile.rs" Handlers(&profile::ANY_JSON),
        &["strict-json-doubled-key", "strict-json-hidden-double"];
    "sql-parameters" "What is sent becomes a part of the SQL"
        "features/admin_users/list.rs" "profile.rs" Handlers(&profile::ANY_SQL),
        &["sql-name"];
    "body-size" "A body may be as large as it likes"
        "http/gate.rs" "layers.rs" Layers(layers::any_size),
        &["body-announced-too-large", "body-chunked-too-large"];
    "content-type" "A body is JSON, whatever it says that it is"
        "security/limits.rs" "client.rs" Front(client::any_type),
        &["content-type-plain", "content-type-forms", "browser-form-post"];
    "if-match" "Of two changes the second undoes the first, unseen"
        "http/etag.rs" "profile.rs" Handlers(&profile::ANY_VERSION),
        &["race-if-match"];
    "idempotency" "A request that is sent again is done again"
        "http/idempotency.rs" "client.rs" Front(client::forgotten_key),
        &["race-idempotency-key"];
    // How often, and how slowly.
    "login-limit" "Passwords may be guessed as fast as they can be sent"
        "features/sessions/login.rs" "settings.rs" Chosen(&settings::ANY_NUMBER_OF_LOGINS),
        &["limit-one-account", "limit-one-address", "limit-at-once"];
    "flood-guard" "One client may ask as often as it likes"
        "security/rate_limit/flood.rs" "settings.rs" Chosen(&settings::ANY_NUMBER_OF_REQUESTS),
        &["limit-flood"];
    "client-address" "A client writes its own address"
        "security/client_address.rs" "client.rs" Front(client::any_address),
        &["limit-forwarded-header", "limit-claim-to-be-inside"];
    "slow-clients" "A connection may take for ever"
        "server/patience.rs" "settings.rs" Changed(settings::any_time),
        &["slow-head", "slow-silence", "slow-body"];
    // What browsers are told, and what attackers are.
    "cors-allowlist" "Every page may read every answer"
        "security/cors.rs" "browsers.rs" Front(browsers::any_origin),
        &["cors-foreign-origin", "cors-null-origin", "cors-preflight"];
    "security-headers" "Nothing is said to browsers"
        "security/headers.rs" "browsers.rs" Front(browsers::no_headers),
        &["headers-nosniff"];
    "error-detail" "An error tells what it knows"
        "error.rs" "answers.rs" Layers(answers::every_detail),
        &["credential-refusals-alike"];
    "login-enumeration" "The sign-in tells who has an account"
        "features/sessions/login.rs" "account.rs" Front(account::told_apart),
        &["enum-login", "enum-register"];
    // What opens an account.
    "refresh-reuse" "A refresh token works again and again"
        "features/sessions/refresh.rs" "settings.rs" Changed(settings::any_number_of_refreshes),
        &["refresh-reuse"];
    "one-time-token" "A token from a mail works until it expires"
        "features/recovery/reset.rs" "mailed.rs" Handlers(&mailed::LINES),
        &["race-reset-token"];
    "totp-replay" "A code that was seen opens once more"
        "http/second_factor.rs" "second_factor.rs" Handlers(&second_factor::SEEN_CODES),
        &["mfa-code-replay"];
    "mfa-tries" "Codes may be guessed without end"
        "features/sessions/challenge.rs" "second_factor.rs" Handlers(&second_factor::ANY_NUMBER_OF_TRIES),
        &["mfa-guesses-one-challenge", "mfa-guesses-many-challenges"];
    "password-policy" "Any password will do"
        "security/password/policy.rs" "registration.rs" Handlers(&registration::ANY_PASSWORD),
        &["password-common", "password-short", "password-personal"];
}

/// What stands in the log and on standard error of a service that lacks something.
pub fn left_out(without: &[&Pillar]) -> String {
    let names: Vec<_> = without.iter().map(|pillar| pillar.name).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
