//! Whose a catalog asset or principal is, from the name it has in Glue, Lake Formation or IAM.

use lakewarden_core::{Layer, TenantId};
use lakewarden_isolation::{AccountTrust, PrincipalFacts, PrincipalKind};
use lakewarden_tenancy::{AssetRef, Owned, Owner, Ownership};

use crate::resource::bucket_and_key;
use crate::store::changes::NewOwner;

/// The group by which Lake Formation leaves an asset to IAM.
pub const IAM_ALLOWED_PRINCIPALS: &str = "IAM_ALLOWED_PRINCIPALS";

/// Owner of a database by its name.
pub fn of_database(ownership: &Ownership, account: &str, database: &str) -> Owned {
    ownership.of(&AssetRef::GlueDatabase { account, database })
}

/// Owner of a table by its name.
pub fn of_table(ownership: &Ownership, account: &str, database: &str, table: &str) -> Owned {
    ownership.of(&AssetRef::GlueTable { account, database, table })
}

/// Owner of an S3 location; unowned where it is not on S3.
pub fn of_location(ownership: &Ownership, location: &str) -> Owned {
    bucket_and_key(location).map_or(Owned::UNOWNED, |(bucket, key)| ownership.of(&AssetRef::S3 { bucket, key }))
}

/// Whom an owner tag names; `None` where the tag is about something else.
pub fn of_tag(ownership: &Ownership, key: &str, value: &str) -> Option<TenantId> {
    let named = [AssetRef::PrincipalTag { key, value }, AssetRef::CostTag { key, value }]
        .into_iter()
        .find_map(|tag| tenant_of(ownership.of(&tag).owner));
    named.or_else(|| {
        let slug = value.to_lowercase();
        is_owner_key(key)
            .then(|| ownership.tenant_by_slug(&slug).map(|tenant| tenant.id))
            .flatten()
            .filter(|tenant| !tenant.is_platform())
    })
}

/// Whether a tag's key is the one that names owners, even where its value is nobody we know.
pub fn is_owner_key(key: &str) -> bool {
    key.eq_ignore_ascii_case("tenant")
}

/// The tenant, where the owner is one.
pub fn tenant_of(owner: Owner) -> Option<TenantId> {
    match owner {
        Owner::Tenant(tenant) => Some(tenant),
        Owner::Platform | Owner::Unowned => None,
    }
}

/// Owner of anything with a canonical name of ours: database, table, location, or a tag policy that names one tenant.
pub fn of_canonical(ownership: &Ownership, asset: &str) -> Owned {
    // "glue:1/a.t (email,name)": a part belongs to whom the whole belongs.
    let whole = asset.split_once(" (").map_or(asset, |(whole, _)| whole);
    if let Some((account, path)) = whole.strip_prefix("glue:").and_then(|name| name.split_once('/')) {
        return match path.split_once('.') {
            None | Some((_, "*")) => of_database(ownership, account, path.trim_end_matches(".*")),
            Some((database, table)) => of_table(ownership, account, database, table),
        };
    }
    if whole.starts_with("s3://") {
        return of_location(ownership, whole);
    }
    if let Some((_, conditions)) = whole.strip_prefix("lf-tags:").and_then(|policy| policy.split_once(' ')) {
        let named: Vec<TenantId> = conditions
            .split(" & ")
            .filter_map(|condition| condition.split_once('='))
            .flat_map(|(key, values)| values.split('|').filter_map(move |value| of_tag(ownership, key, value)))
            .collect();
        if let [tenant] = named[..] {
            return Owned { owner: Owner::Tenant(tenant), ..Owned::UNOWNED };
        }
    }
    // The catalog itself, tags and settings are the lake's operator's.
    Owned { owner: Owner::Platform, ..Owned::UNOWNED }
}

/// The row in which [`of_canonical`]'s answer goes to the store.
pub fn row_of(ownership: &Ownership, asset: String) -> NewOwner {
    let owned = of_canonical(ownership, &asset);
    NewOwner { asset, tenant_id: owned.owner.tenant_id(), layer: owned.layer, location_tenant_id: None }
}

/// A principal of Lake Formation, as far as its identifier tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal<'a> {
    pub kind: PrincipalKind,
    /// `None` for groups that stand for no account.
    pub account: Option<&'a str>,
    /// Role or user name without its path.
    pub name: &'a str,
}

impl<'a> Principal<'a> {
    pub fn parse(identifier: &'a str) -> Self {
        let unknown = Self { kind: PrincipalKind::External, account: None, name: identifier };
        if identifier.eq_ignore_ascii_case(IAM_ALLOWED_PRINCIPALS) {
            return Self { kind: PrincipalKind::Service, ..unknown };
        }
        if let Some(account) = account_of_group(identifier) {
            return Self { account: Some(account), ..unknown };
        }
        let mut parts = identifier.splitn(6, ':');
        let (Some("arn"), Some(_), Some(service), Some(_), Some(account), Some(rest)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return unknown;
        };
        let name = rest.rsplit('/').next().unwrap_or(rest);
        let account = Some(account).filter(|account| !account.is_empty());
        match (service, rest.split(['/', ':']).next().unwrap_or_default()) {
            ("iam", "role") => Self { kind: PrincipalKind::Role, account, name },
            ("iam", "user") => Self { kind: PrincipalKind::User, account, name },
            ("iam", "root") => Self { kind: PrincipalKind::External, account, name: "root" },
            // arn:aws:sts::1:assumed-role/name/session
            ("sts", "assumed-role") => {
                Self { kind: PrincipalKind::Role, account, name: rest.split('/').nth(1).unwrap_or(name) }
            }
            ("iam", "saml-provider") | ("identitystore" | "quicksight", _) => {
                Self { kind: PrincipalKind::Federated, account, name }
            }
            _ => Self { account, name, ..unknown },
        }
    }

    pub fn owner(&self, ownership: &Ownership) -> Owner {
        let account = self.account.unwrap_or_default();
        let by_name = match self.kind {
            PrincipalKind::Role => ownership.of(&AssetRef::Role { account, name: self.name }).owner,
            PrincipalKind::User => ownership.of(&AssetRef::User { account, name: self.name }).owner,
            _ => Owner::Unowned,
        };
        match (by_name, self.account) {
            (Owner::Unowned, Some(account)) => match ownership.of(&AssetRef::Account(account)).owner {
                // An account of the platform's is where roles of everybody live: it says nothing of one of them.
                Owner::Platform => Owner::Unowned,
                owner => owner,
            },
            _ => by_name,
        }
    }

    /// `own_accounts` are those whose catalogs are watched.
    pub fn facts(&self, ownership: &Ownership, own_accounts: &[&str]) -> PrincipalFacts {
        let account = match self.account {
            None => AccountTrust::Own,
            Some(account) if own_accounts.contains(&account) => AccountTrust::Own,
            Some(account) => trust_of(ownership, account),
        };
        PrincipalFacts { owner: self.owner(ownership), kind: self.kind, account, long_lived_key: false }
    }
}

/// How an account stands to the lake, by `tenants.toml` alone.
fn trust_of(ownership: &Ownership, account: &str) -> AccountTrust {
    match ownership.of(&AssetRef::Account(account)).owner {
        Owner::Tenant(_) | Owner::Platform => AccountTrust::Own,
        Owner::Unowned => AccountTrust::Foreign,
    }
}

/// `123456789012` and `123456789012:IAMPrincipals`.
fn account_of_group(identifier: &str) -> Option<&str> {
    let account = identifier.strip_suffix(":IAMPrincipals").unwrap_or(identifier);
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

/// What a table's owners are, for the store.
pub fn table_row(
    ownership: &Ownership,
    account: &str,
    database: &str,
    table: &str,
    location: Option<&str>,
) -> NewOwner {
    let owned = of_table(ownership, account, database, table);
    let lies = location.map_or(Owned::UNOWNED, |location| of_location(ownership, location));
    let layer: Option<Layer> = owned.layer.or(lies.layer);
    // A name that no convention knows leaves the table to whom its data belongs.
    let owner = if owned.owner == Owner::Unowned { lies.owner } else { owned.owner };
    NewOwner {
        asset: crate::resource::table_name(account, database, table),
        tenant_id: owner.tenant_id(),
        layer,
        location_tenant_id: lies.owner.tenant_id(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_principals_are_read_as_iam_writes_them() {
        for (identifier, kind, account, name) in [
            ("IAM_ALLOWED_PRINCIPALS", PrincipalKind::Service, None, "IAM_ALLOWED_PRINCIPALS"),
            ("999900001111", PrincipalKind::External, Some("999900001111"), "999900001111"),
            ("999900001111:IAMPrincipals", PrincipalKind::External, Some("999900001111"), "999900001111:IAMPrincipals"),
            ("arn:aws:iam::1:role/acme-etl", PrincipalKind::Role, Some("1"), "acme-etl"),
            ("arn:aws:iam::1:role/team/acme-etl", PrincipalKind::Role, Some("1"), "acme-etl"),
            ("arn:aws:sts::1:assumed-role/acme-etl/airflow", PrincipalKind::Role, Some("1"), "acme-etl"),
            ("arn:aws:iam::1:user/ada", PrincipalKind::User, Some("1"), "ada"),
            ("arn:aws:iam::1:saml-provider/idp:user/ada", PrincipalKind::Federated, Some("1"), "ada"),
            ("arn:aws:identitystore:::group/77", PrincipalKind::Federated, None, "77"),
            ("arn:aws:organizations::1:organization/o-x", PrincipalKind::External, Some("1"), "o-x"),
            ("what is this", PrincipalKind::External, None, "what is this"),
        ] {
            assert_eq!(Principal::parse(identifier), Principal { kind, account, name }, "{identifier}");
        }
    }
}
