//! The pillars. One file (or folder) is one threat is one lesson, read from top to bottom: the threat and what the pillar
//! does not cover, its settings, its mechanism, and tests that attack it. No pillar imports another.
//!
//! | pillar | threat | enforced in |
//! |---|---|---|
//! | [`access`] | a function or an object that is not the caller's | `http::routes`, `http::caller`, every `where` clause |
//! | [`jwt`] | a forged, altered or misdirected token | `http::caller` |
//! | [`api_key`] | a leaked key that opens everything, for ever | `http::live_key`, `features::api_keys` |
//! | [`session_token`] | a stolen row, a refresh token in two hands | `features::sessions` |
//! | [`session_cache`] | a token that outlives its session | `http::live_session`, `database` |
//! | [`password`] | guessed, cracked, or used to starve the service | `features::accounts`, `features::sessions` |
//! | [`totp`] | a password that somebody else knows | `http::second_factor`, `features::mfa` |
//! | [`recovery_code`] | a lost phone, or a second, weaker door | `http::second_factor`, `features::mfa` |
//! | [`sealed`] | a copy of the database, where a hash will not do | `http::second_factor`, `features::sessions` |
//! | [`rate_limit`] | guessing, floods, mail at our cost | `app`, `http::gate` |
//! | [`page_cursor`] | a list that is entered where the client likes | `http::page` |
//! | [`client_address`] | a client that writes its own address | `http::respond` |
//! | [`input`] | text that means something else to the next reader | `http::input` |
//! | [`limits`] | requests that are too large or never end | `http::gate` |
//! | [`seats`] | answers that never end, too many of them | `features::security_events` |
//! | [`transport`] | the wire is read; slow clients hold every connection | `server` |
//! | [`cors`] | a stranger's page reads the answers | `http::respond`, `http::routes` |
//! | [`headers`] | a browser makes more of an answer than was meant | `http::respond` |
//! | [`audit`] | an attack that nobody can reconstruct | every change, every refusal |
//! | [`anomaly`] | an attack that stays under every limit, and nobody looks up | `http::watch`, every sign-in that fails |
//! | [`secret`] | a secret is printed | its type |

pub mod access;
pub mod anomaly;
pub mod api_key;
pub mod audit;
pub mod client_address;
pub mod cors;
pub mod headers;
pub mod input;
pub mod jwt;
pub mod limits;
pub mod page_cursor;
pub mod password;
pub mod rate_limit;
pub mod recovery_code;
pub mod sealed;
pub mod seats;
pub mod secret;
pub mod session_cache;
pub mod session_token;
pub mod totp;
pub mod transport;
