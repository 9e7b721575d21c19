//! The shape of `policies/tenants.toml`.

use lakewarden_core::Layer;
use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantsFile {
    #[serde(default)]
    pub(crate) layers: LayerAliases,
    #[serde(default)]
    pub(crate) platform: PlatformSection,
    #[serde(default, rename = "tenant")]
    pub(crate) tenants: Vec<Spanned<TenantEntry>>,
    #[serde(default, rename = "convention")]
    pub(crate) conventions: ConventionSections,
    #[serde(default, rename = "own")]
    pub(crate) owned: Vec<Spanned<OwnEntry>>,
}

/// Other words for the layers, wherever `{layer}` is captured.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LayerAliases {
    #[serde(default)]
    pub(crate) raw: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) processed: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) analytics: Vec<Spanned<String>>,
}

/// The lake's operator: its accounts, and the principals that may touch every tenant's data.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlatformSection {
    pub(crate) name: Option<String>,
    pub(crate) contact: Option<String>,
    #[serde(default)]
    pub(crate) accounts: Vec<Spanned<String>>,
    /// Names, where `*` stands for any text.
    #[serde(default)]
    pub(crate) roles: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) users: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantEntry {
    pub(crate) slug: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    pub(crate) contact: Option<String>,
    #[serde(default)]
    pub(crate) accounts: Vec<String>,
    #[serde(default)]
    pub(crate) regions: Vec<String>,
    pub(crate) classification: Option<String>,
    #[serde(default)]
    pub(crate) legal_hold: bool,
    #[serde(default)]
    pub(crate) offboarded: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConventionSections {
    #[serde(default)]
    pub(crate) s3: Vec<Spanned<PatternEntry>>,
    #[serde(default)]
    pub(crate) glue: Vec<Spanned<PatternEntry>>,
    #[serde(default)]
    pub(crate) role: Vec<Spanned<PatternEntry>>,
    #[serde(default)]
    pub(crate) user: Vec<Spanned<PatternEntry>>,
    #[serde(default)]
    pub(crate) workgroup: Vec<Spanned<PatternEntry>>,
    #[serde(default)]
    pub(crate) dataset: Vec<Spanned<NamespacedEntry>>,
    #[serde(default)]
    pub(crate) job: Vec<Spanned<NamespacedEntry>>,
    #[serde(default)]
    pub(crate) principal_tag: Vec<Spanned<TagEntry>>,
    #[serde(default)]
    pub(crate) cost_tag: Vec<Spanned<TagEntry>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatternEntry {
    pub(crate) pattern: String,
    pub(crate) owner: Option<String>,
    pub(crate) layer: Option<Layer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamespacedEntry {
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) layer: Option<Layer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TagEntry {
    pub(crate) key: String,
    /// `{tenant}` where it is left out.
    pub(crate) value: Option<String>,
    pub(crate) owner: Option<String>,
}

/// An explicit entry: wins over every convention.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnEntry {
    pub(crate) asset: String,
    pub(crate) owner: String,
    pub(crate) layer: Option<Layer>,
    /// Why, for whoever asks.
    pub(crate) reason: Option<String>,
}
