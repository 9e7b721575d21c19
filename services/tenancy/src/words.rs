//! The words that captures in patterns stand for: tenants' slugs and aliases, layers and their aliases.

use lakewarden_core::Layer;
use rustc_hash::FxHashMap;

/// A tenant by its place in the file; ids of the database come later and do not matter to matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TenantIndex(pub(crate) u32);

impl TenantIndex {
    /// The lake's operator, who has no place in the list.
    pub(crate) const PLATFORM: Self = Self(u32::MAX);
}

#[derive(Debug, Default)]
pub(crate) struct Words {
    tenants: FxHashMap<Box<str>, TenantIndex>,
    layers: Vec<(Box<str>, Layer)>,
    longest_tenant: usize,
}

impl Words {
    /// `Err` with the tenant who has the word already.
    pub(crate) fn add_tenant(&mut self, word: &str, tenant: TenantIndex) -> Result<(), TenantIndex> {
        self.longest_tenant = self.longest_tenant.max(word.len());
        match self.tenants.insert(word.into(), tenant) {
            Some(other) => Err(other),
            None => Ok(()),
        }
    }

    /// `Err` with the layer that has the word already.
    pub(crate) fn add_layer(&mut self, word: &str, layer: Layer) -> Result<(), Layer> {
        if let Some(other) = self.layer(word) {
            return Err(other);
        }
        self.layers.push((word.into(), layer));
        Ok(())
    }

    pub(crate) fn tenant(&self, word: &str) -> Option<TenantIndex> {
        if word.len() > self.longest_tenant { None } else { self.tenants.get(word).copied() }
    }

    /// The word as the file spells it, with its tenant.
    pub(crate) fn tenants_entry(&self, word: &str) -> Option<(&str, TenantIndex)> {
        self.tenants.get_key_value(word).map(|(word, tenant)| (&**word, *tenant))
    }

    pub(crate) fn layer(&self, word: &str) -> Option<Layer> {
        self.layers.iter().find(|(known, _)| **known == *word).map(|(_, layer)| *layer)
    }

    pub(crate) fn tenants(&self) -> impl Iterator<Item = (&str, TenantIndex)> {
        self.tenants.iter().map(|(word, tenant)| (&**word, *tenant))
    }

    pub(crate) fn layers(&self) -> impl Iterator<Item = (&str, Layer)> {
        self.layers.iter().map(|(word, layer)| (&**word, *layer))
    }
}
