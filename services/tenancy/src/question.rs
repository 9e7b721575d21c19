//! "Whose is it?", asked in text: by `lakewarden who-owns`, by the page, by the API.

use lakewarden_core::{Layer, Scope};
use serde::Serialize;

use crate::ownership::physical_asset;
use crate::rule::Origin;
use crate::{AssetRef, AssetTextError, Owner, Ownership, RuleId};

/// Who owns an asset, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// As the service writes it.
    pub asset: String,
    #[serde(skip)]
    pub owner: Owner,
    /// The owner's slug; `None` where nobody owns it.
    #[serde(rename = "owner")]
    pub slug: Option<String>,
    pub layer: Option<Layer>,
    /// The rule that decided, with its place in the file.
    pub rule: String,
    /// What to do about an asset nobody owns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What somebody who sees one tenant only may hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ConfinedAnswer {
    Told(Answer),
    /// Another tenant's, the platform's or nobody's: which of them is not said.
    NotYours {
        asset: String,
        yours: bool,
    },
}

pub fn who_owns(ownership: &Ownership, text: &str) -> Result<Answer, AssetTextError> {
    let asset = AssetRef::parse(text)?;
    let owned = ownership.of(&asset);
    let slug = owned.owner.tenant_id().and_then(|id| ownership.tenant(id)).map(|tenant| tenant.slug.clone());
    Ok(Answer {
        asset: asset.to_string(),
        owner: owned.owner,
        hint: slug.is_none().then(|| hint(ownership, &asset)),
        slug,
        layer: owned.layer,
        rule: ownership.explain(owned.rule),
    })
}

/// The same for a viewer: about what is not theirs, a tenant's viewer learns that and nothing else.
pub fn who_owns_as(ownership: &Ownership, text: &str, scope: Scope) -> Result<ConfinedAnswer, AssetTextError> {
    let answer = who_owns(ownership, text)?;
    let Scope::Tenant(tenant) = scope else { return Ok(ConfinedAnswer::Told(answer)) };
    if answer.owner != Owner::Tenant(tenant) {
        return Ok(ConfinedAnswer::NotYours { asset: answer.asset, yours: false });
    }
    let asset = AssetRef::parse(text)?;
    Ok(ConfinedAnswer::Told(Answer { rule: place(ownership, ownership.of(&asset).rule), ..answer }))
}

/// A rule without what an explicit entry says beside it: its reason may name somebody else.
fn place(ownership: &Ownership, rule: RuleId) -> String {
    match ownership.rules.get(rule.0 as usize) {
        Some(rule) if rule.origin == Origin::Own => format!("{} ({}:{})", rule.label(), crate::FILE, rule.line),
        _ => ownership.explain(rule),
    }
}

fn hint(ownership: &Ownership, asset: &AssetRef<'_>) -> String {
    let physical = match asset {
        AssetRef::Dataset { namespace, name } => physical_asset(namespace, name),
        _ => None,
    };
    match physical.as_ref().unwrap_or(asset) {
        AssetRef::Role { account, .. }
        | AssetRef::User { account, .. }
        | AssetRef::GlueDatabase { account, .. }
        | AssetRef::GlueTable { account, .. }
            if !ownership.is_home(account) =>
        {
            format!(
                "account {account} is neither the platform's nor a tenant's, so names in it mean nothing: add it to [platform] \
                 accounts or to a tenant's, or name the asset in [[own]]"
            )
        }
        AssetRef::S3 { key, .. } if key.contains("..") => {
            "the key has `..` in it: readers differ in where that leads, so no rule decides it".to_owned()
        }
        _ => format!(
            "no convention fits it: name its tenant the way a convention says, add a convention, or add to {}:\n\n[[own]]\nasset = \
             \"{asset}\"\nowner = \"…\"",
            crate::FILE
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[platform]
accounts = ["111122223333"]
[[tenant]]
slug = "acme"
name = "Acme"
[[tenant]]
slug = "globex"
name = "Globex"
[[convention.s3]]
pattern = "s3://lake-{layer}/{tenant}/"
[[convention.role]]
pattern = "{tenant}-etl"
[[own]]
asset = "s3://old-bucket/"
owner = "acme"
reason = "bought from globex"
"#;

    #[test]
    fn a_question_in_text_is_answered_with_the_rule() {
        let ownership = Ownership::parse(FILE).unwrap();
        let answer = who_owns(&ownership, "arn:aws:s3:::lake-raw/acme/x.csv").unwrap();
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            serde_json::json!({
                "asset": "s3://lake-raw/acme/x.csv",
                "owner": "acme",
                "layer": "raw",
                "rule": "convention s3[0] (tenants.toml:10): s3://lake-{layer}/{tenant}/",
            })
        );
    }

    #[test]
    fn what_nobody_owns_comes_with_advice() {
        let ownership = Ownership::parse(FILE).unwrap();
        for (asset, advice) in [
            ("s3://elsewhere/x", "[[own]]\nasset = \"s3://elsewhere/x\""),
            ("role:999988887777/acme-etl", "account 999988887777 is neither"),
            ("s3://lake-raw/acme/../x", "has `..` in it"),
        ] {
            let answer = who_owns(&ownership, asset).unwrap();
            assert!(answer.slug.is_none() && answer.hint.unwrap().contains(advice), "{asset}");
        }
    }

    #[test]
    fn a_tenant_learns_nothing_about_what_is_not_theirs() {
        let ownership = Ownership::parse(FILE).unwrap();
        let acme = Scope::Tenant(ownership.tenant_by_slug("acme").unwrap().id);
        for asset in ["s3://lake-raw/globex/x", "s3://elsewhere/x"] {
            let answer = who_owns_as(&ownership, asset, acme).unwrap();
            assert_eq!(answer, ConfinedAnswer::NotYours { asset: asset.to_owned(), yours: false });
        }
        let own = serde_json::to_string(&who_owns_as(&ownership, "s3://old-bucket/x", acme).unwrap()).unwrap();
        assert!(own.contains("own[0] (tenants.toml:14)") && !own.contains("globex"), "{own}");
    }
}
