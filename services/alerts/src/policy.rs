//! `policies/alerts.toml`: who is told of what.

use lakewarden_core::LoadError;

/// A parsed `alerts.toml`. The default tells nobody.
#[derive(Debug, Clone, Default)]
pub struct AlertPolicy {}

impl AlertPolicy {
    pub fn parse(_file: &str, _text: &str) -> Result<Self, LoadError> {
        Ok(Self::default())
    }
}
