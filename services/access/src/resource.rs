//! What was touched, by one canonical name that says everything needed to find its owner again.

use lakewarden_tenancy::{AssetRef, Owned, Owner, Ownership};

use crate::identity::{account_of_arn, clean};

/// What kind of thing was touched; the words stand in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    /// `s3://bucket/prefix`
    S3,
    /// `glue:account/database.table`, or `glue:account/database`
    Glue,
    /// `athena:account/workgroup`
    Athena,
    /// A KMS key's ARN, or its alias.
    Key,
    /// A role's ARN.
    Role,
    /// A session tag asked for: `tag:key=value`.
    Tag,
    /// A control of the lake: a trail, the data lake settings.
    Control,
    /// Everything else: `service:name/account`.
    Service,
}

impl ResourceKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Glue => "glue",
            Self::Athena => "athena",
            Self::Key => "key",
            Self::Role => "role",
            Self::Tag => "tag",
            Self::Control => "control",
            Self::Service => "service",
        }
    }

    pub fn from_word(word: &str) -> Self {
        use ResourceKind as K;
        [K::S3, K::Glue, K::Athena, K::Key, K::Role, K::Tag, K::Control]
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .unwrap_or(K::Service)
    }
}

/// A touched thing. Equal resources are one row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    pub kind: ResourceKind,
    pub name: String,
}

/// How many directories of an S3 key name a resource, unless ownership is decided further down.
const S3_DEPTH: usize = 3;
const NAME_LIMIT: usize = 1100;

impl Resource {
    fn new(kind: ResourceKind, name: &str) -> Self {
        Self { kind, name: clean(name, NAME_LIMIT) }
    }

    /// The directory that holds the object: up to three segments, cut before the first partition (`dt=…`), but always deep
    /// enough that directory and object have one owner.
    pub fn s3_object(bucket: &str, key: &str, ownership: &Ownership) -> Self {
        let key = key.trim_start_matches('/');
        let owner = ownership.of(&AssetRef::S3 { bucket, key }).owner;
        let directory_end = key.rfind('/').unwrap_or(0);
        let mut end = 0;
        for (depth, (slash, _)) in key[..directory_end].match_indices('/').chain([(directory_end, "")]).enumerate() {
            let segment = key[end..slash].trim_start_matches('/');
            let is_partition = segment.contains('=');
            if owner_of_prefix(bucket, &key[..end], ownership) == owner && (depth >= S3_DEPTH || is_partition) {
                break;
            }
            end = slash;
        }
        let prefix = if owner_of_prefix(bucket, &key[..end], ownership) == owner { &key[..end] } else { key };
        Self::s3(bucket, prefix)
    }

    pub fn s3(bucket: &str, prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        Self::new(ResourceKind::S3, &format!("s3://{bucket}{slash}{prefix}"))
    }

    /// From `s3://bucket/key`, or from an S3 ARN with or without its `arn:aws:s3:::`.
    pub fn s3_location(location: &str, ownership: &Ownership) -> Option<Self> {
        let path = location
            .strip_prefix("s3://")
            .or_else(|| location.strip_prefix("s3a://"))
            .or_else(|| location.strip_prefix("arn:aws:s3:::"))?;
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        (!bucket.is_empty()).then(|| Self::s3_object(bucket, key, ownership))
    }

    pub fn glue(account: &str, database: &str, table: Option<&str>) -> Self {
        let name = match table {
            Some(table) => format!("glue:{account}/{database}.{table}"),
            None => format!("glue:{account}/{database}"),
        };
        Self::new(ResourceKind::Glue, &name)
    }

    /// From `arn:aws:glue:region:account:table/database/table`.
    pub fn glue_arn(arn: &str) -> Option<Self> {
        let account = account_of_arn(arn)?;
        let resource = arn.splitn(6, ':').nth(5)?;
        match *resource.split('/').collect::<Vec<_>>().as_slice() {
            ["table", database, table] => Some(Self::glue(account, database, Some(table))),
            ["database", database] => Some(Self::glue(account, database, None)),
            _ => None,
        }
    }

    pub fn workgroup(account: &str, workgroup: &str) -> Self {
        Self::new(ResourceKind::Athena, &format!("athena:{account}/{workgroup}"))
    }

    pub fn key(arn: &str) -> Self {
        Self::new(ResourceKind::Key, arn)
    }

    pub fn role(arn: &str) -> Self {
        Self::new(ResourceKind::Role, arn)
    }

    pub fn tag(key: &str, value: &str) -> Self {
        Self::new(ResourceKind::Tag, &format!("tag:{key}={value}"))
    }

    pub fn control(name: &str) -> Self {
        Self::new(ResourceKind::Control, name)
    }

    pub fn service(service: &str, account: &str) -> Self {
        Self::new(ResourceKind::Service, &format!("service:{service}/{account}"))
    }

    /// Whose it is, from its name alone: the same answer on the day it was seen and after `tenants.toml` changed.
    pub fn owned(&self, ownership: &Ownership) -> Owned {
        self.asset().map_or(Owned::UNOWNED, |asset| ownership.of(&asset))
    }

    fn asset(&self) -> Option<AssetRef<'_>> {
        let rest = |prefix: &str| self.name.strip_prefix(prefix.to_owned().as_str());
        match self.kind {
            ResourceKind::S3 => {
                let path = rest("s3://")?;
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                Some(AssetRef::S3 { bucket, key })
            }
            ResourceKind::Glue => {
                let (account, name) = rest("glue:")?.split_once('/')?;
                Some(match name.split_once('.') {
                    Some((database, table)) => AssetRef::GlueTable { account, database, table },
                    None => AssetRef::GlueDatabase { account, database: name },
                })
            }
            ResourceKind::Athena => Some(AssetRef::Workgroup(rest("athena:")?.split_once('/')?.1)),
            ResourceKind::Role => {
                let (path, name) = self.name.rsplit_once('/')?;
                Some(AssetRef::Role { account: account_of_arn(path)?, name })
            }
            ResourceKind::Tag => {
                let (key, value) = rest("tag:")?.split_once('=')?;
                Some(AssetRef::PrincipalTag { key, value })
            }
            ResourceKind::Key | ResourceKind::Control => account_of_arn(&self.name).map(AssetRef::Account),
            ResourceKind::Service => {
                let (_, account) = self.name.rsplit_once('/')?;
                (!account.is_empty()).then_some(AssetRef::Account(account))
            }
        }
    }
}

fn owner_of_prefix(bucket: &str, prefix: &str, ownership: &Ownership) -> Owner {
    ownership.of(&AssetRef::S3 { bucket, key: prefix.trim_matches('/') }).owner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bucket: &str, key: &str) -> String {
        Resource::s3_object(bucket, key, &Ownership::default()).name
    }

    #[test]
    fn objects_collapse_to_their_directory() {
        for (key, expected) in [
            ("orders.csv", "s3://lake"),
            ("acme/orders.csv", "s3://lake/acme"),
            ("acme/orders/2026/11/22/part-0.parquet", "s3://lake/acme/orders/2026"),
            ("acme/orders/dt=2026-11-22/part-0.parquet", "s3://lake/acme/orders"),
            ("/acme//orders/x", "s3://lake/acme//orders"),
            ("", "s3://lake"),
            ("///", "s3://lake"),
        ] {
            assert_eq!(name("lake", key), expected, "{key}");
        }
    }

    #[test]
    fn names_are_canonical_and_malformed_ones_are_refused() {
        let ownership = Ownership::default();
        assert_eq!(
            Resource::glue_arn("arn:aws:glue:eu-west-1:1:table/db/orders").unwrap().name,
            Resource::glue("1", "db", Some("orders")).name
        );
        for malformed in ["", "arn", "arn:aws:glue:eu-west-1:1:table/db", "arn:::::", "arn:aws:glue:r::table/a/b"] {
            assert_eq!(Resource::glue_arn(malformed), None, "{malformed}");
        }
        assert_eq!(Resource::s3_location("s3://", &ownership), None);
        assert_eq!(Resource::s3_location("s3://out/acme/q/", &ownership).unwrap().name, "s3://out/acme/q");
        assert_eq!(Resource::s3_location("s3://out", &ownership).unwrap().name, "s3://out");
    }

    #[test]
    fn a_resource_of_any_form_finds_its_owner_without_a_panic() {
        for kind in ["s3", "glue", "athena", "key", "role", "tag", "control", "service", "later"] {
            for name in ["", "/", "arn:", "s3://", "glue:/", "tag:", "service:x/", "arn:aws:iam::1:role/x"] {
                let resource = Resource { kind: ResourceKind::from_word(kind), name: name.to_owned() };
                assert_eq!(resource.owned(&Ownership::default()), Owned::UNOWNED);
            }
        }
    }
}
