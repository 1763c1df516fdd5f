//! Threat: a secret is printed. A `{:?}` in a log line, a struct that is serialised whole, a copy that outlives its
//! use: most leaked credentials were written down by the program they protected (OWASP Logging Cheat Sheet; ASVS
//! 16.2.5, 14.2.1). This type has no `Display`, no `Serialize` and no `Clone`, its `Debug` says only that it is a
//! secret, and its memory is wiped when it is dropped.
//!
//! It does not cover what `expose` hands out; `clippy.toml` therefore names the few modules that may call it.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroize;

/// Something that must never be written down.
///
/// ```compile_fail
/// # use drawbridge::security::secret::Secret;
/// println!("{}", Secret::new(String::from("hunter2"))); // no Display
/// ```
/// ```compile_fail
/// # use drawbridge::security::secret::Secret;
/// serde_json::to_string(&Secret::new(String::from("hunter2"))); // no Serialize
/// ```
/// ```
/// # use drawbridge::security::secret::Secret;
/// assert_eq!(format!("{:?}", Secret::new(String::from("hunter2"))), "Secret");
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself. Every caller of this is a place for a reviewer to look at.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}
