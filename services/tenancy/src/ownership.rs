//! Decides in one place, and explainably, who owns an asset.

use std::borrow::Cow;

use lakewarden_core::{LoadError, TenantId};
use rustc_hash::FxHashMap;

use crate::asset_text::{last_of, parse_glue_resource, parse_s3, strip_s3_scheme};
use crate::compile::compile;
use crate::pattern::Segments;
use crate::rule::{Kind, Rule};
use crate::template::Captures;
use crate::trie::Trie;
use crate::words::{TenantIndex, Words};
use crate::{AssetRef, Owned, Owner, RuleId, Tenant};

/// A compiled `tenants.toml`.
///
/// An explicit entry wins over the account a thing lies in, that over a convention; among rules of one rank the one with more
/// segments wins. Conventions on names of roles, users, databases and tables hold in the platform's accounts only: whoever
/// has an account may call a role there `globex-etl`.
#[derive(Debug)]
pub struct Ownership {
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) platform: Tenant,
    pub(crate) words: Words,
    pub(crate) explicit: [Trie; Kind::COUNT],
    pub(crate) conventions: [Trie; Kind::COUNT],
    pub(crate) accounts: FxHashMap<Box<str>, (TenantIndex, RuleId)>,
    /// The file names accounts of the platform: any account it does not name is a stranger's.
    pub(crate) platform_has_accounts: bool,
    pub(crate) rules: Vec<Rule>,
}

/// One rule, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleLine {
    pub label: String,
    pub line: u32,
    pub text: String,
}

impl RuleLine {
    fn of(rule: &Rule) -> Self {
        Self { label: rule.label(), line: rule.line, text: rule.text.to_string() }
    }
}

enum Account {
    /// The platform's, or not said.
    Home,
    Tenant(TenantIndex, RuleId),
    Stranger,
}

impl Ownership {
    /// Compiles the text of `tenants.toml`. Tenants get provisional ids by their place in the file, from 1; [`crate::sync`]
    /// gives them those of the database.
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        compile(text)
    }

    /// Who owns the asset, in which layer it lies, and by which rule.
    pub fn of(&self, asset: &AssetRef<'_>) -> Owned {
        match *asset {
            AssetRef::S3 { bucket, key } => self.of_s3(bucket, key),
            AssetRef::GlueDatabase { account, database } => self.of_glue(account, database, None),
            AssetRef::GlueTable { account, database, table } => self.of_glue(account, database, Some(table)),
            AssetRef::Dataset { namespace, name } => self.of_dataset(namespace, name),
            AssetRef::Job { namespace, name } => self.of_segments(Kind::Job, &namespaced(namespace, name)),
            AssetRef::Role { account, name } => self.of_name_in_account(Kind::Role, account, [last_of(name)]),
            AssetRef::User { account, name } => self.of_name_in_account(Kind::User, account, [last_of(name)]),
            AssetRef::PrincipalTag { key, value } => self.of_segments(Kind::PrincipalTag, &Segments::new([key, value])),
            AssetRef::CostTag { key, value } => self.of_segments(Kind::CostTag, &Segments::new([key, value])),
            AssetRef::Workgroup(name) => self.of_segments(Kind::Workgroup, &Segments::new([name])),
            AssetRef::Account(account) => self.accounts.get(account).map_or(Owned::UNOWNED, |(owner, rule)| Owned {
                owner: self.owner(*owner),
                layer: None,
                rule: *rule,
            }),
        }
    }

    /// Whether a role of this name in the platform's accounts may touch every tenant's data, because it is the platform's.
    pub fn is_platform_principal(&self, role_name: &str) -> bool {
        self.of(&AssetRef::Role { account: "", name: role_name }).owner == Owner::Platform
    }

    /// The tenant with this id; the platform for [`TenantId::PLATFORM`].
    pub fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        if id.is_platform() {
            return Some(&self.platform);
        }
        // Ids follow the file until tenants come and go, so the first guess is nearly always right.
        let guess = usize::try_from(id.0 - 1).ok().and_then(|index| self.tenants.get(index));
        guess.filter(|tenant| tenant.id == id).or_else(|| self.tenants.iter().find(|tenant| tenant.id == id))
    }

    /// By slug or alias; the platform for `platform`.
    pub fn tenant_by_slug(&self, slug: &str) -> Option<&Tenant> {
        if slug == self.platform.slug {
            return Some(&self.platform);
        }
        self.words.tenant(slug).and_then(|index| self.tenants.get(index.0 as usize))
    }

    /// The tenants in force, in the order of the file; without the platform.
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// The rule in words, with its place: `convention s3[0] (tenants.toml:41): s3://lake-{layer}/{tenant}/`.
    pub fn explain(&self, rule: RuleId) -> String {
        match self.rules.get(rule.0 as usize) {
            Some(rule) => rule.explain(),
            None => format!("no rule of {} matched", crate::FILE),
        }
    }

    /// Every rule, in the order of the file's sections.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = RuleLine> {
        self.rules.iter().map(RuleLine::of)
    }

    /// The rules that name nobody: those whose pattern captures the tenant.
    pub(crate) fn conventions_by_capture(&self) -> impl Iterator<Item = RuleLine> {
        self.rules.iter().filter(|rule| rule.owner.is_none()).map(RuleLine::of)
    }

    pub(crate) fn is_home(&self, account: &str) -> bool {
        matches!(self.account(account), Account::Home)
    }

    fn of_s3(&self, bucket: &str, key: &str) -> Owned {
        let key = decode_percent(key);
        let key = key.strip_suffix('/').unwrap_or(&key);
        // S3 takes dots literally, but not everything that reads a path does: nobody can say where such a key lies.
        if key.contains("./") && key.split('/').any(|segment| segment == "." || segment == "..") || key.ends_with("/..")
        {
            return Owned::UNOWNED;
        }
        let below = if key.is_empty() { None } else { Some(key.split('/')) };
        self.of_segments(Kind::S3, &Segments::new(std::iter::once(bucket).chain(below.into_iter().flatten())))
    }

    fn of_glue(&self, account: &str, database: &str, table: Option<&str>) -> Owned {
        // Glue folds names to lower case; Athena and Spark hand over what the query said.
        let (database, table) = (lower_case(database), table.map(lower_case));
        self.of_name_in_account(Kind::Glue, account, std::iter::once(&*database).chain(table.as_deref()))
    }

    /// A dataset that says where it really lies is judged by that; dataset rules speak for it first (explicit) and last.
    fn of_dataset(&self, namespace: &str, name: &str) -> Owned {
        let segments = namespaced(namespace, name);
        if let Some(owned) = self.find(&self.explicit, Kind::Dataset, segments.as_slice()) {
            return owned;
        }
        let physical = physical_asset(namespace, name).map_or(Owned::UNOWNED, |asset| self.of(&asset));
        if physical.owner != Owner::Unowned {
            return physical;
        }
        self.find(&self.conventions, Kind::Dataset, segments.as_slice()).unwrap_or(Owned::UNOWNED)
    }

    fn of_segments(&self, kind: Kind, segments: &Segments<'_>) -> Owned {
        let segments = segments.as_slice();
        self.find(&self.explicit, kind, segments)
            .or_else(|| self.find(&self.conventions, kind, segments))
            .unwrap_or(Owned::UNOWNED)
    }

    fn of_name_in_account<'a>(&self, kind: Kind, account: &'a str, names: impl IntoIterator<Item = &'a str>) -> Owned {
        let place = self.account(account);
        let account = if matches!(place, Account::Home) { "" } else { account };
        let segments = Segments::new(std::iter::once(account).chain(names));
        let segments = segments.as_slice();
        if let Some(owned) = self.find(&self.explicit, kind, segments) {
            return owned;
        }
        match place {
            Account::Home => self.find(&self.conventions, kind, &segments[1..]).unwrap_or(Owned::UNOWNED),
            Account::Tenant(tenant, rule) => Owned { owner: self.owner(tenant), layer: None, rule },
            Account::Stranger => Owned::UNOWNED,
        }
    }

    fn find(&self, tries: &[Trie; Kind::COUNT], kind: Kind, segments: &[&str]) -> Option<Owned> {
        let (rule, captures) = tries[kind as usize].find(segments, &self.words)?;
        let Rule { owner, layer, .. } = self.rules[rule.0 as usize];
        let Captures { tenant, layer: captured } = captures;
        Some(Owned { owner: self.owner(owner.or(tenant)?), layer: layer.or(captured), rule })
    }

    fn account(&self, account: &str) -> Account {
        match self.accounts.get(account) {
            Some((tenant, rule)) if *tenant != TenantIndex::PLATFORM => Account::Tenant(*tenant, *rule),
            Some(_) => Account::Home,
            None if account.is_empty() || !self.platform_has_accounts => Account::Home,
            None => Account::Stranger,
        }
    }

    pub(crate) fn owner(&self, index: TenantIndex) -> Owner {
        match self.tenants.get(index.0 as usize) {
            Some(tenant) => Owner::Tenant(tenant.id),
            None => Owner::Platform,
        }
    }
}

impl Default for Ownership {
    /// No tenants and no rules: everything is unowned.
    fn default() -> Self {
        compile("").expect("an empty file is a valid one")
    }
}

fn namespaced<'a>(namespace: &'a str, name: &'a str) -> Segments<'a> {
    let name = name.trim_start_matches('/').trim_end_matches(['/', '.']);
    Segments::new(std::iter::once(namespace).chain(name.split(['.', '/'])))
}

/// The S3 location or Glue table behind an OpenLineage dataset, where its namespace says so.
pub(crate) fn physical_asset<'a>(namespace: &'a str, name: &'a str) -> Option<AssetRef<'a>> {
    if let Some(path) = strip_s3_scheme(name) {
        return parse_s3(path);
    }
    if let Some(bucket) = strip_s3_scheme(namespace) {
        // Some producers put a prefix into the namespace; then the name alone does not say where the data lies.
        let bucket = bucket.strip_suffix('/').unwrap_or(bucket);
        let key = name.strip_prefix('/').unwrap_or(name);
        return (!bucket.is_empty() && !bucket.contains('/')).then_some(AssetRef::S3 { bucket, key });
    }
    if let Some(place) = namespace.strip_prefix("arn:aws:glue:") {
        let account = place.split_once(':').map_or("", |(_, account)| account);
        return parse_glue_resource(account, name);
    }
    if namespace.starts_with("awsathena://") {
        let (catalog, rest) = name.split_once('.')?;
        let (database, table) = rest.split_once('.')?;
        let is_glue = catalog.eq_ignore_ascii_case("awsdatacatalog");
        return is_glue.then_some(AssetRef::GlueTable { account: "", database, table });
    }
    None
}

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Decodes `%2F` and its like, once: sources differ in whether they do. What is no valid encoding stays as it is.
fn decode_percent(key: &str) -> Cow<'_, str> {
    if !key.contains('%') {
        return Cow::Borrowed(key);
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = key.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'%'
            && let (Some(high), Some(low)) = (digit(bytes.get(at + 1)), digit(bytes.get(at + 2)))
        {
            decoded.push((high * 16 + low) as u8);
            at += 3;
        } else {
            decoded.push(*byte);
            at += 1;
        }
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(key), Cow::Owned)
}
