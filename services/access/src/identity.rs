//! Who acted: from the many forms of `userIdentity` to one principal, and from that to a tenant by a rule that is recorded.

use std::borrow::Cow;

use lakewarden_tenancy::{AssetRef, Owner, Ownership};
use serde::Deserialize;

use crate::record::{Text, shorten};

/// What kind of principal acted; the words stand in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    Role,
    User,
    Root,
    Service,
    Account,
    Federated,
    Saml,
    WebIdentity,
    IdentityCenter,
    Anonymous,
    Unknown,
}

impl PrincipalKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
            Self::Root => "root",
            Self::Service => "service",
            Self::Account => "account",
            Self::Federated => "federated",
            Self::Saml => "saml",
            Self::WebIdentity => "web-identity",
            Self::IdentityCenter => "identity-center",
            Self::Anonymous => "anonymous",
            Self::Unknown => "unknown",
        }
    }

    /// The inverse of [`PrincipalKind::as_str`]; a word from the future counts as unknown.
    pub fn from_word(word: &str) -> Self {
        use PrincipalKind as K;
        [
            K::Role,
            K::User,
            K::Root,
            K::Service,
            K::Account,
            K::Federated,
            K::Saml,
            K::WebIdentity,
            K::IdentityCenter,
            K::Anonymous,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .unwrap_or(K::Unknown)
    }
}

/// `userIdentity` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserIdentity<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub principal_id: Text<'a>,
    #[serde(borrow)]
    pub arn: Text<'a>,
    #[serde(borrow)]
    pub account_id: Text<'a>,
    #[serde(borrow)]
    pub access_key_id: Text<'a>,
    #[serde(borrow)]
    pub user_name: Text<'a>,
    #[serde(borrow)]
    pub invoked_by: Text<'a>,
    #[serde(borrow)]
    pub session_context: Option<&'a serde_json::value::RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SessionContext<'a> {
    #[serde(borrow)]
    session_issuer: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    source_identity: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SessionIssuer<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    arn: Text<'a>,
    #[serde(borrow)]
    account_id: Text<'a>,
    #[serde(borrow)]
    user_name: Text<'a>,
}

/// The principal behind one record, before any mapping to a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor<'a> {
    pub kind: PrincipalKind,
    /// Twelve digits, or empty where the record does not say.
    pub account: Cow<'a, str>,
    /// Role or user name, service, account id: what people recognise.
    pub name: Cow<'a, str>,
    pub arn: Cow<'a, str>,
    /// The session's name, for roles: `AWSLF-…` marks a session that Lake Formation made.
    pub session: Cow<'a, str>,
    pub access_key: Cow<'a, str>,
    pub has_source_identity: bool,
    /// A service that acted for the principal, or the service itself.
    pub invoked_by: Cow<'a, str>,
}

/// AWS's own deliveries of logs: traffic of the watch itself, set apart from access.
const LOG_DELIVERY: &[&str] = &[
    "cloudtrail.amazonaws.com",
    "delivery.logs.amazonaws.com",
    "logging.s3.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
];

impl<'a> Actor<'a> {
    pub fn of(identity: UserIdentity<'a>, recipient_account: &'a str) -> Self {
        let context: SessionContext<'a> = crate::record::part(identity.session_context);
        let issuer: SessionIssuer<'a> = crate::record::part(context.session_issuer);
        let session = session_of(identity.arn.as_str(), identity.principal_id.as_str());
        let (kind, name, arn) = principal_of(&identity, &issuer);
        let account = [&identity.account_id, &issuer.account_id]
            .into_iter()
            .find_map(|text| text.get())
            .or_else(|| account_of_arn(&arn))
            .unwrap_or(if kind == PrincipalKind::Service { "" } else { recipient_account });
        let account = if kind == PrincipalKind::Anonymous { String::new() } else { clean(account, 60) };
        Self {
            kind,
            account: account.into(),
            name: clean(&name, 200).into(),
            arn: clean(&arn, 300).into(),
            session: if kind == PrincipalKind::Role { clean(session, 100).into() } else { Cow::Borrowed("") },
            access_key: identity.access_key_id.into_cow(),
            has_source_identity: context.source_identity.get().is_some(),
            invoked_by: identity.invoked_by.into_cow(),
        }
    }

    pub fn is_log_delivery(&self) -> bool {
        self.kind == PrincipalKind::Service && LOG_DELIVERY.contains(&self.invoked_by.as_ref())
    }

    /// A key that does not expire by itself.
    pub fn has_long_lived_key(&self) -> bool {
        self.access_key.starts_with("AKIA")
    }

    /// Only temporary keys can carry session tags.
    pub fn has_session_key(&self) -> bool {
        self.access_key.starts_with("ASIA")
    }

    pub fn into_owned(self) -> Actor<'static> {
        Actor {
            kind: self.kind,
            account: self.account.into_owned().into(),
            name: self.name.into_owned().into(),
            arn: self.arn.into_owned().into(),
            session: self.session.into_owned().into(),
            access_key: self.access_key.into_owned().into(),
            has_source_identity: self.has_source_identity,
            invoked_by: self.invoked_by.into_owned().into(),
        }
    }
}

fn principal_of(identity: &UserIdentity<'_>, issuer: &SessionIssuer<'_>) -> (PrincipalKind, String, String) {
    use PrincipalKind as K;
    let arn = identity.arn.as_str().to_owned();
    let named = |fallback: &str| {
        let candidates = [identity.user_name.get(), last_segment(identity.arn.as_str()), identity.principal_id.get()];
        candidates.into_iter().flatten().next().unwrap_or(fallback).to_owned()
    };
    match identity.kind.as_str() {
        "AssumedRole" | "Role" => {
            let (name, arn) = role_of(identity, issuer);
            (K::Role, name, arn)
        }
        "IAMUser" => (K::User, named("unnamed user"), arn),
        "Root" => (K::Root, "root".to_owned(), arn),
        "FederatedUser" => match issuer.arn.get() {
            Some(issuer) => (K::Federated, last_segment(issuer).unwrap_or(issuer).to_owned(), issuer.to_owned()),
            None => (K::Federated, named("unnamed federated user"), arn),
        },
        "SAMLUser" => (K::Saml, named("unnamed SAML user"), arn),
        "WebIdentityUser" => (K::WebIdentity, named("unnamed web identity"), arn),
        "IdentityCenterUser" | "Directory" => (K::IdentityCenter, named("unnamed user"), arn),
        "AWSService" => (K::Service, identity.invoked_by.get().unwrap_or("an AWS service").to_owned(), arn),
        "AWSAccount" if is_anonymous(identity) => (K::Anonymous, "anonymous".to_owned(), String::new()),
        "AWSAccount" => (K::Account, identity.account_id.get().unwrap_or("unknown account").to_owned(), arn),
        _ if identity.invoked_by.get().is_some() => (K::Service, identity.invoked_by.as_str().to_owned(), arn),
        _ => (K::Unknown, identity.arn.get().or(identity.principal_id.get()).unwrap_or("not said").to_owned(), arn),
    }
}

fn is_anonymous(identity: &UserIdentity<'_>) -> bool {
    let anonymous = |text: &str| text.eq_ignore_ascii_case("anonymous") || text == "ANONYMOUS_PRINCIPAL";
    anonymous(identity.account_id.as_str()) || anonymous(identity.principal_id.as_str())
}

/// The role and not the session: the issuer's ARN where the record has one, else what the session's ARN says.
fn role_of(identity: &UserIdentity<'_>, issuer: &SessionIssuer<'_>) -> (String, String) {
    if let Some(arn) = issuer.arn.get().filter(|_| issuer.kind.get() != Some("IAMUser")) {
        let name = last_segment(arn).or(issuer.user_name.get()).unwrap_or(arn);
        return (name.to_owned(), arn.to_owned());
    }
    let arn = identity.arn.as_str();
    if let Some((account, rest)) = arn.split_once(":assumed-role/") {
        let role = rest.split('/').next().unwrap_or(rest);
        let account = account.rsplit(':').next().unwrap_or("");
        return (role.to_owned(), format!("arn:aws:iam::{account}:role/{role}"));
    }
    let name = last_segment(arn).or(identity.principal_id.get()).unwrap_or("unnamed role");
    (name.to_owned(), arn.to_owned())
}

fn session_of<'t>(arn: &'t str, principal_id: &'t str) -> &'t str {
    arn.split_once(":assumed-role/")
        .and_then(|(_, rest)| rest.split_once('/'))
        .or_else(|| principal_id.split_once(':'))
        .map_or("", |(_, session)| session)
}

/// The name at the end of an ARN's resource; `None` for what is no ARN.
fn last_segment(arn: &str) -> Option<&str> {
    let resource = arn.starts_with("arn:").then(|| arn.splitn(6, ':').nth(5)).flatten()?;
    resource.rsplit(['/', ':']).next().filter(|name| !name.is_empty())
}

/// The account an ARN names, if it names one.
pub fn account_of_arn(arn: &str) -> Option<&str> {
    arn.starts_with("arn:").then(|| arn.split(':').nth(4)).flatten().filter(|account| !account.is_empty())
}

/// Text as Postgres can hold it, and no longer than it can matter.
pub fn clean(text: &str, limit: usize) -> String {
    shorten(text, limit).replace('\0', "\u{fffd}")
}

/// A session tag seen when the session was made: `tenant=acme`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct SessionTag {
    pub key: String,
    pub value: String,
}

/// Whose a principal is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    pub owner: Owner,
    /// One of the platform's own, which may touch every tenant.
    pub is_permitted: bool,
    /// Which step decided: `session-tag`, `platform`, `name`, `account`, `service`, `none`.
    pub step: &'static str,
    /// In words, for people.
    pub rule: String,
}

/// Whose the principal is: the first step that knows an owner decides.
pub fn resolve(
    kind: PrincipalKind,
    account: &str,
    name: &str,
    tag: Option<&SessionTag>,
    ownership: &Ownership,
) -> Resolution {
    let by = |step, asset: AssetRef<'_>| {
        let owned = ownership.of(&asset);
        (owned.owner != Owner::Unowned).then(|| Resolution {
            owner: owned.owner,
            is_permitted: false,
            step,
            rule: ownership.explain(owned.rule),
        })
    };
    let by_tag = tag.and_then(|tag| by("session-tag", AssetRef::PrincipalTag { key: &tag.key, value: &tag.value }));
    if let Some(resolution) = by_tag {
        return resolution;
    }
    let by_name = match kind {
        PrincipalKind::Role | PrincipalKind::Federated => by("name", AssetRef::Role { account, name }),
        PrincipalKind::User => by("name", AssetRef::User { account, name }),
        _ => None,
    };
    if let Some(platform) = by_name.as_ref().filter(|by_name| by_name.owner == Owner::Platform) {
        return Resolution { is_permitted: true, step: "platform", ..platform.clone() };
    }
    let by_account = || match kind {
        PrincipalKind::Anonymous | PrincipalKind::Service => None,
        _ if account.is_empty() => None,
        // An account of the platform's is where everybody's roles live: it says nothing of one of them.
        PrincipalKind::Role | PrincipalKind::User | PrincipalKind::Federated => {
            by("account", AssetRef::Account(account)).filter(|resolution| resolution.owner != Owner::Platform)
        }
        _ => by("account", AssetRef::Account(account)),
    };
    by_name.or_else(by_account).unwrap_or_else(|| unresolved(kind))
}

fn unresolved(kind: PrincipalKind) -> Resolution {
    let (owner, step, rule) = match kind {
        PrincipalKind::Service => {
            (Owner::Platform, "service", "an AWS service acting by itself counts as the platform")
        }
        PrincipalKind::Anonymous => (Owner::Unowned, "none", "the request carried no credentials"),
        _ => (Owner::Unowned, "none", "no session tag, name or account convention of tenants.toml matched"),
    };
    Resolution { owner, is_permitted: false, step, rule: rule.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(json: &str) -> Actor<'static> {
        Actor::of(serde_json::from_str(json).unwrap(), "111111111111").into_owned()
    }

    fn principal(json: &str) -> (PrincipalKind, String, String) {
        let actor = actor(json);
        (actor.kind, actor.account.into_owned(), actor.name.into_owned())
    }

    #[test]
    fn an_assumed_role_is_the_role_and_not_the_session() {
        let with_issuer = actor(
            r#"{"type":"AssumedRole","arn":"arn:aws:sts::222222222222:assumed-role/acme-etl/job-7","accessKeyId":"ASIA1",
                "sessionContext":{"sourceIdentity":"ada","sessionIssuer":{"type":"Role","arn":"arn:aws:iam::222222222222:role/svc/acme-etl"}}}"#,
        );
        assert_eq!(
            (&*with_issuer.name, &*with_issuer.session, &*with_issuer.account),
            ("acme-etl", "job-7", "222222222222")
        );
        assert!(with_issuer.has_source_identity && with_issuer.has_session_key());
        let without = actor(r#"{"type":"AssumedRole","arn":"arn:aws:sts::222222222222:assumed-role/acme-etl/job-7"}"#);
        assert_eq!(&*without.arn, "arn:aws:iam::222222222222:role/acme-etl");
    }

    #[test]
    fn every_other_kind_is_named() {
        use PrincipalKind as K;
        for (json, kind, account, name) in [
            (r#"{"type":"IAMUser","userName":"bob","accountId":"3"}"#, K::User, "3", "bob"),
            (r#"{"type":"Root","accountId":"3","arn":"arn:aws:iam::3:root"}"#, K::Root, "3", "root"),
            (r#"{"type":"AWSService","invokedBy":"eks.amazonaws.com"}"#, K::Service, "", "eks.amazonaws.com"),
            (r#"{"type":"AWSAccount","accountId":"999999999999"}"#, K::Account, "999999999999", "999999999999"),
            (r#"{"type":"AWSAccount","accountId":"ANONYMOUS_PRINCIPAL"}"#, K::Anonymous, "", "anonymous"),
            (r#"{"type":"AWSAccount","principalId":"","accountId":"anonymous"}"#, K::Anonymous, "", "anonymous"),
            (r#"{"type":"WebIdentityUser","userName":"sub"}"#, K::WebIdentity, "111111111111", "sub"),
            (r#"{"type":"SAMLUser","principalId":"x:y"}"#, K::Saml, "111111111111", "x:y"),
            (r#"{"invokedBy":"AWS Internal"}"#, K::Service, "", "AWS Internal"),
            ("{}", K::Unknown, "111111111111", "not said"),
            (r#"{"type":"AssumedRole","arn":"arn:::::"}"#, K::Role, "111111111111", "unnamed role"),
            (r#"{"type":"AssumedRole","arn":"not an arn","principalId":"AROA:x"}"#, K::Role, "111111111111", "AROA:x"),
        ] {
            assert_eq!(principal(json), (kind, account.to_owned(), name.to_owned()), "{json}");
        }
    }

    #[test]
    fn words_of_kinds_survive_the_way_through_a_row() {
        for kind in [PrincipalKind::Role, PrincipalKind::WebIdentity, PrincipalKind::Unknown] {
            assert_eq!(PrincipalKind::from_word(kind.as_str()), kind);
        }
    }

    #[test]
    fn an_unattributed_principal_is_nobodys_and_a_service_is_the_platforms() {
        let ownership = Ownership::default();
        assert_eq!(resolve(PrincipalKind::Role, "1", "x", None, &ownership).owner, Owner::Unowned);
        assert_eq!(resolve(PrincipalKind::Service, "", "eks", None, &ownership).owner, Owner::Platform);
    }
}
