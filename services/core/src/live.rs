//! What people edit in `policies/` and the service reads again while it runs.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};

use crate::Sha256;

/// A value in force, with the version it came from and, where a newer one could not be read, why.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    pub value: Arc<T>,
    /// Hash of the file or files the value came from: "which version gave this verdict".
    pub version: Sha256,
    pub loaded_at: DateTime<Utc>,
    /// Set while the files on disk are broken: the value is then the last good one.
    pub broken: Option<LoadError>,
}

/// Why a file of `policies/` was not taken: what, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LoadError {
    /// Path below the policies folder.
    pub file: String,
    /// 1-based.
    pub line: Option<usize>,
    pub message: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// A handle to a value that is replaced whole while readers go on; clones see the same value.
pub struct Live<T>(Arc<ArcSwap<Loaded<T>>>);

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.0.load()).finish()
    }
}

impl<T> Live<T> {
    pub fn new(value: T, version: Sha256, loaded_at: DateTime<Utc>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Loaded { value: Arc::new(value), version, loaded_at, broken: None })))
    }

    /// The value in force and where it came from.
    pub fn loaded(&self) -> Arc<Loaded<T>> {
        self.0.load_full()
    }

    /// The value in force. Take it once per request or batch, so that one answer comes from one version.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.load().value)
    }

    pub fn replace(&self, value: T, version: Sha256, loaded_at: DateTime<Utc>) {
        self.0.store(Arc::new(Loaded { value: Arc::new(value), version, loaded_at, broken: None }));
    }

    /// Keeps the value in force and remembers that the files on disk are broken.
    pub fn mark_broken(&self, error: LoadError) {
        let current = self.0.load_full();
        self.0.store(Arc::new(Loaded { broken: Some(error), ..(*current).clone_shallow() }));
    }
}

impl<T> Loaded<T> {
    fn clone_shallow(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            version: self.version,
            loaded_at: self.loaded_at,
            broken: self.broken.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_keeps_the_last_good_value_in_force() {
        let now = DateTime::from_timestamp(0, 0).unwrap();
        let live = Live::new(1, Sha256::of("one"), now);
        let error = LoadError { file: "tenants.toml".into(), line: Some(3), message: "unknown key `ownr`".into() };
        live.mark_broken(error.clone());
        assert_eq!(*live.get(), 1);
        assert_eq!(live.loaded().broken.as_ref().unwrap().to_string(), "tenants.toml:3: unknown key `ownr`");
        live.replace(2, Sha256::of("two"), now);
        assert_eq!((*live.get(), live.loaded().broken.clone()), (2, None));
    }
}
