//! From the text of `tenants.toml` to rules that can be looked up, or to one error with its line.

use lakewarden_core::{Layer, LoadError, TenantId};
use rustc_hash::FxHashMap;
use toml::Spanned;

use crate::file::{NamespacedEntry, OwnEntry, PatternEntry, PlatformSection, TagEntry, TenantEntry, TenantsFile};
use crate::overlap::{Convention, Disagreement, find_disagreement};
use crate::pattern::Pattern;
use crate::rule::{Kind, Origin, Rule};
use crate::template::Part;
use crate::words::{TenantIndex, Words};
use crate::{AssetRef, Ownership, RuleId, Tenant};

const PLATFORM_SLUG: &str = "platform";

pub(crate) fn compile(text: &str) -> Result<Ownership, LoadError> {
    let lines = Lines::of(text);
    let file: TenantsFile = toml::from_str(text).map_err(|error| LoadError {
        file: crate::FILE.to_owned(),
        line: error.span().map(|span| lines.at(span.start)),
        message: error.message().to_owned(),
    })?;
    let mut compiler =
        Compiler { lines, ownership: empty(&file.platform), conventions: Default::default(), like: [0; 4] };
    compiler.add_layers(&file)?;
    for tenant in &file.tenants {
        compiler.add_tenant(tenant)?;
    }
    compiler.add_platform(&file.platform)?;
    compiler.add_conventions(&file)?;
    compiler.check_overlaps()?;
    for entry in &file.owned {
        compiler.add_own(entry)?;
    }
    Ok(compiler.ownership)
}

fn empty(platform: &PlatformSection) -> Ownership {
    Ownership {
        tenants: Vec::new(),
        platform: Tenant {
            id: TenantId::PLATFORM,
            slug: PLATFORM_SLUG.to_owned(),
            name: platform.name.clone().unwrap_or_else(|| "Platform".to_owned()),
            aliases: Vec::new(),
            contact: platform.contact.clone(),
            accounts: platform.accounts.iter().map(|account| account.get_ref().clone()).collect(),
            regions: Vec::new(),
            classification: None,
            legal_hold: false,
            offboarded: false,
        },
        words: Words::default(),
        explicit: Default::default(),
        conventions: Default::default(),
        accounts: FxHashMap::default(),
        platform_has_accounts: !platform.accounts.is_empty(),
        rules: Vec::new(),
    }
}

/// Where lines end: a file of a hundred thousand entries asks for as many line numbers.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset).collect())
    }

    /// 1-based.
    fn at(&self, offset: usize) -> usize {
        1 + self.0.partition_point(|end| *end < offset)
    }
}

struct Compiler {
    lines: Lines,
    ownership: Ownership,
    conventions: [Vec<Convention>; Kind::COUNT],
    /// How many rules of each origin without a list of its own there are.
    like: [u32; 4],
}

/// What a convention says beside its pattern.
struct Said<'e> {
    text: String,
    owner: Option<&'e str>,
    layer: Option<Layer>,
}

/// Reads one kind of pattern; the error says what is wrong with it.
type Read = fn(&str) -> Result<Pattern, String>;

impl Compiler {
    fn error<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> LoadError {
        LoadError { file: crate::FILE.to_owned(), line: Some(self.line(at)), message: message.into() }
    }

    fn line<T>(&self, at: &Spanned<T>) -> usize {
        self.lines.at(at.span().start)
    }

    fn add_layers(&mut self, file: &TenantsFile) -> Result<(), LoadError> {
        for layer in Layer::ALL {
            self.ownership.words.add_layer(layer.as_str(), *layer).expect("the layers' own names differ");
        }
        let aliases = [
            (Layer::Raw, &file.layers.raw),
            (Layer::Processed, &file.layers.processed),
            (Layer::Analytics, &file.layers.analytics),
        ];
        for (layer, words) in aliases {
            for word in words {
                self.ownership.words.add_layer(word.get_ref(), layer).map_err(|other| {
                    self.error(word, format!("`{}` means the layer {other} already", word.get_ref()))
                })?;
            }
        }
        Ok(())
    }

    fn add_tenant(&mut self, spanned: &Spanned<TenantEntry>) -> Result<(), LoadError> {
        let entry = spanned.get_ref();
        let index = TenantIndex(self.ownership.tenants.len() as u32);
        check_slug(&entry.slug).map_err(|message| self.error(spanned, message))?;
        for word in std::iter::once(&entry.slug).chain(&entry.aliases) {
            if word == PLATFORM_SLUG || word.is_empty() {
                return Err(self.error(spanned, format!("`{word}` cannot be a tenant's name")));
            }
            self.ownership.words.add_tenant(word, index).map_err(|other| {
                let other = self.ownership.tenants.get(other.0 as usize).map_or(&entry.slug, |other| &other.slug);
                self.error(spanned, format!("`{word}` stands for tenant `{other}` already"))
            })?;
        }
        self.ownership.tenants.push(Tenant {
            id: TenantId(index.0 as i32 + 1),
            slug: entry.slug.clone(),
            name: entry.name.clone(),
            aliases: entry.aliases.clone(),
            contact: entry.contact.clone(),
            accounts: entry.accounts.clone(),
            regions: entry.regions.clone(),
            classification: entry.classification.clone(),
            legal_hold: entry.legal_hold,
            offboarded: entry.offboarded,
        });
        for account in &entry.accounts {
            self.add_account(spanned, account, index, Origin::TenantAccount)?;
        }
        Ok(())
    }

    fn add_platform(&mut self, platform: &PlatformSection) -> Result<(), LoadError> {
        for account in &platform.accounts {
            self.add_account(account, account.get_ref(), TenantIndex::PLATFORM, Origin::PlatformAccount)?;
        }
        let principals =
            [(Kind::Role, Origin::PlatformRole, &platform.roles), (Kind::User, Origin::PlatformUser, &platform.users)];
        for (kind, origin, names) in principals {
            for (index, name) in names.iter().enumerate() {
                let said = Said { text: name.get_ref().clone(), owner: Some(PLATFORM_SLUG), layer: None };
                self.add_convention(kind, origin, index, name, Pattern::name(name.get_ref()), said)?;
            }
        }
        Ok(())
    }

    fn add_account<T>(
        &mut self,
        at: &Spanned<T>,
        account: &str,
        owner: TenantIndex,
        origin: Origin,
    ) -> Result<(), LoadError> {
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.error(at, format!("`{account}` is not an AWS account id of 12 digits")));
        }
        let slug = self.slug(owner).to_owned();
        let rule = self.push_rule(at, origin, format!("account {account} → {slug}"), Some(owner), None);
        if let Some((other, _)) = self.ownership.accounts.insert(account.into(), (owner, rule)) {
            return Err(self.error(at, format!("account {account} is `{}`'s already", self.slug(other))));
        }
        Ok(())
    }

    fn add_conventions(&mut self, file: &TenantsFile) -> Result<(), LoadError> {
        let all = &file.conventions;
        let by_pattern: [(Kind, &[Spanned<PatternEntry>], Read); 5] = [
            (Kind::S3, &all.s3, Pattern::s3),
            (Kind::Glue, &all.glue, Pattern::glue),
            (Kind::Role, &all.role, Pattern::name),
            (Kind::User, &all.user, Pattern::name),
            (Kind::Workgroup, &all.workgroup, Pattern::name),
        ];
        for (kind, entries, read) in by_pattern {
            for (index, spanned) in entries.iter().enumerate() {
                let entry = spanned.get_ref();
                let said = Said { text: entry.pattern.clone(), owner: entry.owner.as_deref(), layer: entry.layer };
                self.add_convention(kind, Origin::Convention(kind), index, spanned, read(&entry.pattern), said)?;
            }
        }
        for (kind, entries) in [(Kind::Dataset, &all.dataset), (Kind::Job, &all.job)] {
            for (index, spanned) in entries.iter().enumerate() {
                self.add_namespaced(kind, index, spanned)?;
            }
        }
        for (kind, entries) in [(Kind::PrincipalTag, &all.principal_tag), (Kind::CostTag, &all.cost_tag)] {
            for (index, spanned) in entries.iter().enumerate() {
                self.add_tag(kind, index, spanned)?;
            }
        }
        Ok(())
    }

    fn add_namespaced(
        &mut self,
        kind: Kind,
        index: usize,
        spanned: &Spanned<NamespacedEntry>,
    ) -> Result<(), LoadError> {
        let NamespacedEntry { namespace, name, owner, layer } = spanned.get_ref();
        if namespace.is_none() && name.is_none() {
            return Err(self.error(spanned, "give a namespace, a name, or both"));
        }
        let text = format!("{}|{}", namespace.as_deref().unwrap_or("*"), name.as_deref().unwrap_or("*"));
        let pattern = Pattern::namespaced(namespace.as_deref(), name.as_deref());
        let said = Said { text, owner: owner.as_deref(), layer: *layer };
        self.add_convention(kind, Origin::Convention(kind), index, spanned, pattern, said)
    }

    fn add_tag(&mut self, kind: Kind, index: usize, spanned: &Spanned<TagEntry>) -> Result<(), LoadError> {
        let TagEntry { key, value, owner } = spanned.get_ref();
        let value = value.as_deref().unwrap_or("{tenant}");
        let said = Said { text: format!("{key}={value}"), owner: owner.as_deref(), layer: None };
        self.add_convention(kind, Origin::Convention(kind), index, spanned, Pattern::tag(key, value), said)
    }

    fn add_convention<T>(
        &mut self,
        kind: Kind,
        origin: Origin,
        index: usize,
        at: &Spanned<T>,
        pattern: Result<Pattern, String>,
        said: Said<'_>,
    ) -> Result<(), LoadError> {
        let pattern = pattern.map_err(|message| self.error(at, message))?;
        let owner = said.owner.map(|slug| self.find_owner(at, slug)).transpose()?;
        let captures_tenant = pattern.captures(&Part::Tenant).is_some();
        if captures_tenant == owner.is_some() {
            let message = if captures_tenant {
                "has {tenant} and an owner: which one is it?"
            } else {
                "has neither {tenant} nor an owner"
            };
            return Err(self.error(at, format!("`{}` {message}", said.text)));
        }
        if said.layer.is_some() && pattern.captures(&Part::Layer).is_some() {
            return Err(self.error(at, format!("`{}` has {{layer}} and a layer: which one is it?", said.text)));
        }
        for segment in &pattern.segments {
            if let Some((one, other)) = segment.confused_tenants(&self.ownership.words) {
                let message = format!("`{}` cannot tell what is `{one}`'s from what is `{other}`'s", said.text);
                return Err(self.error(at, message));
            }
        }
        let text = if let Some(owner) = said.owner { format!("{} → {owner}", said.text) } else { said.text };
        let rule = RuleId(self.ownership.rules.len() as u32);
        self.ownership.rules.push(Rule {
            origin,
            index: index as u32,
            line: self.line(at) as u32,
            text: text.into(),
            owner,
            layer: said.layer,
        });
        if let Err(other) = self.ownership.conventions[kind as usize].insert(&pattern, rule) {
            return Err(self.error(at, format!("says the same as {}", self.ownership.explain(other))));
        }
        self.conventions[kind as usize].push(Convention { rule, pattern, owner, layer: said.layer });
        Ok(())
    }

    fn check_overlaps(&self) -> Result<(), LoadError> {
        for conventions in &self.conventions {
            let Some((one, other, about)) = find_disagreement(conventions, &self.ownership.words) else { continue };
            let what = match about {
                Disagreement::Owner => "owners",
                Disagreement::Layer => "layers",
            };
            let message = format!(
                "{} and {} can both match the same asset and give different {what}; make one narrower, or name the exception \
                 in [[own]], which wins over conventions",
                self.ownership.explain(one),
                self.ownership.explain(other)
            );
            let line = self.ownership.rules.get(other.0 as usize).map(|rule| rule.line as usize);
            return Err(LoadError { file: crate::FILE.to_owned(), line, message });
        }
        Ok(())
    }

    fn add_own(&mut self, spanned: &Spanned<OwnEntry>) -> Result<(), LoadError> {
        let OwnEntry { asset: text, owner: slug, layer, reason } = spanned.get_ref();
        let asset = AssetRef::parse(text).map_err(|error| self.error(spanned, error.to_string()))?;
        let owner = self.find_owner(spanned, slug)?;
        let because = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        let described = format!("{text} → {slug}{because}");
        if let AssetRef::Account(account) = asset {
            return self.add_account(spanned, account, owner, Origin::Own);
        }
        let rule = self.push_rule(spanned, Origin::Own, described, Some(owner), *layer);
        let (kind, pattern) = self.explicit_pattern(&asset, text);
        let pattern = pattern.map_err(|message| self.error(spanned, message))?;
        if let Err(other) = self.ownership.explicit[kind as usize].insert(&pattern, rule) {
            return Err(self.error(spanned, format!("`{text}` is named already: {}", self.ownership.explain(other))));
        }
        Ok(())
    }

    /// Home accounts are one: an asset there is entered without its account, and looked up so.
    fn explicit_pattern(&self, asset: &AssetRef<'_>, text: &str) -> (Kind, Result<Pattern, String>) {
        let home = |account| if self.ownership.is_home(account) { "" } else { account };
        let open = text.ends_with(['/', '.']);
        match *asset {
            AssetRef::S3 { bucket, key } => {
                let key = key.strip_suffix('/').unwrap_or(key);
                let below = if key.is_empty() { None } else { Some(key.split('/')) };
                (Kind::S3, Pattern::literal(std::iter::once(bucket).chain(below.into_iter().flatten()), open))
            }
            AssetRef::GlueDatabase { account, database } => {
                (Kind::Glue, Pattern::literal([home(account), &database.to_ascii_lowercase()], true))
            }
            AssetRef::GlueTable { account, database, table } => {
                let (database, table) = (database.to_ascii_lowercase(), table.to_ascii_lowercase());
                (Kind::Glue, Pattern::literal([home(account), &database, &table], false))
            }
            AssetRef::Dataset { namespace, name } | AssetRef::Job { namespace, name } => {
                let kind = if matches!(asset, AssetRef::Job { .. }) { Kind::Job } else { Kind::Dataset };
                let name = name.trim_start_matches('/').trim_end_matches(['/', '.']);
                let below = if name.is_empty() { None } else { Some(name.split(['.', '/'])) };
                let open = open || name.is_empty();
                (kind, Pattern::literal(std::iter::once(namespace).chain(below.into_iter().flatten()), open))
            }
            AssetRef::Role { account, name } => (Kind::Role, Pattern::literal([home(account), name], false)),
            AssetRef::User { account, name } => (Kind::User, Pattern::literal([home(account), name], false)),
            AssetRef::PrincipalTag { key, value } => (Kind::PrincipalTag, Pattern::literal([key, value], false)),
            AssetRef::CostTag { key, value } => (Kind::CostTag, Pattern::literal([key, value], false)),
            AssetRef::Workgroup(name) | AssetRef::Account(name) => (Kind::Workgroup, Pattern::literal([name], false)),
        }
    }

    fn find_owner<T>(&self, at: &Spanned<T>, slug: &str) -> Result<TenantIndex, LoadError> {
        if slug == PLATFORM_SLUG {
            return Ok(TenantIndex::PLATFORM);
        }
        let known = self.ownership.words.tenant(slug);
        known.ok_or_else(|| {
            self.error(at, format!("owner `{slug}` is neither a tenant of this file nor `{PLATFORM_SLUG}`"))
        })
    }

    fn slug(&self, tenant: TenantIndex) -> &str {
        self.ownership.tenants.get(tenant.0 as usize).map_or(PLATFORM_SLUG, |tenant| &tenant.slug)
    }

    fn push_rule<T>(
        &mut self,
        at: &Spanned<T>,
        origin: Origin,
        text: String,
        owner: Option<TenantIndex>,
        layer: Option<Layer>,
    ) -> RuleId {
        let like = match origin {
            Origin::Own => 0,
            Origin::TenantAccount => 1,
            Origin::PlatformAccount => 2,
            _ => 3,
        };
        let rule = RuleId(self.ownership.rules.len() as u32);
        let (index, line) = (self.like[like], self.line(at) as u32);
        self.like[like] += 1;
        self.ownership.rules.push(Rule { origin, index, line, text: text.into(), owner, layer });
        rule
    }
}

fn check_slug(slug: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let starts_well = slug.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if starts_well && slug.len() <= 64 && slug.bytes().all(fits) {
        return Ok(());
    }
    Err(format!("slug `{slug}` is not of lower-case letters, digits, `-` and `_` (64 at most)"))
}
