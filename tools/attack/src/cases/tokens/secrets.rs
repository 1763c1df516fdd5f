//! Secrets that are none.

/// What tutorials, generators and default settings put there.
pub(super) const SECRETS: [&str; 24] = [
    "secret",
    "your-256-bit-secret",
    "your_jwt_secret",
    "your-secret-key",
    "changeme",
    "change-me",
    "password",
    "jwt",
    "key",
    "token",
    "test",
    "dev",
    "development",
    "admin",
    "123456",
    "supersecret",
    "super-secret",
    "mysecret",
    "my-secret-key",
    "jwtsecret",
    "jwt-secret",
    "thisisasecret",
    "SECRET_KEY",
    "shhhhh",
];
/// Defaults of programs, as the programs have them.
pub(super) const DEFAULTS: [&str; 4] = [
    "json-server-auth-123456",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET",
    "a-string-secret-at-least-256-bits-long",
];
