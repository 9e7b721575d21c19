//! Random secrets, and a wrapper that keeps them out of logs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lakewarden_core::Sha256;
use rand::TryRngCore as _;

/// A secret shown to its owner once; its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiSecret(String);

impl ApiSecret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: to print once, or to set as a cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored in its place.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(&self.0)
    }
}

impl fmt::Debug for ApiSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiSecret(…)")
    }
}

/// 256 random bits of the operating system behind a prefix that secret scanners can recognise.
pub fn new_secret(prefix: &str) -> ApiSecret {
    let mut bytes = [0u8; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).expect("the operating system has random bytes");
    ApiSecret(format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_random_and_never_printed_by_accident() {
        let secret = new_secret("lwt");
        assert!(secret.reveal().starts_with("lwt_") && secret.reveal().len() == 47);
        assert_ne!(secret, new_secret("lwt"));
        assert_eq!(format!("{secret:?}"), "ApiSecret(…)");
    }
}
