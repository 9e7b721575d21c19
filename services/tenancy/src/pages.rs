//! The page that says whose an asset is, and by which rules.

use askama::Template;
use axum::extract::{Query, State};
use lakewarden_core::{Layer, LoadError, Scope};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use serde::Deserialize;

use crate::question::{Answer, ConfinedAnswer, who_owns_as};
use crate::store::{TenantRow, list_tenants};
use crate::{Ctx, Owner, Ownership, RuleLine};

const RULES_A_PAGE: usize = 200;
const TENANTS_A_PAGE: i64 = 100;

#[derive(Deserialize, Default)]
pub(crate) struct Parameters {
    #[serde(default)]
    asset: String,
    /// The number of the first rule to show.
    #[serde(default)]
    rule: usize,
    /// The slug after which the list of tenants goes on.
    #[serde(default)]
    tenant: String,
}

/// What came of the question.
enum Outcome {
    NotAsked,
    NotAnAsset(String),
    NotYours(String),
    Told(Answer),
}

#[derive(Template)]
#[template(path = "tenancy/ownership.html")]
struct OwnershipPage {
    shell: Shell,
    asked: String,
    outcome: Outcome,
    tenants: Vec<TenantRow>,
    more_tenants: String,
    rules: Vec<RuleLine>,
    rules_in_all: usize,
    more_rules: String,
    version: String,
    broken: Option<LoadError>,
}

impl OwnershipPage {
    fn has_layer(answer: &Answer) -> Option<Layer> {
        answer.layer
    }

    fn is_platform(answer: &Answer) -> bool {
        answer.owner == Owner::Platform
    }

    #[cfg(test)]
    fn sample() -> Self {
        let ownership = Ownership::parse(include_str!("../../../policies/tenants.toml")).expect("the file of the demo");
        let answer = crate::who_owns(&ownership, "s3://lake-raw/acme/orders.csv").expect("an asset");
        let tenant = |id, slug: &str, active| TenantRow {
            id: lakewarden_core::TenantId(id),
            slug: slug.to_owned(),
            name: slug.to_uppercase(),
            active,
            contact: Some(format!("data@{slug}.example")),
            legal_hold: id == 1,
            offboarded: !active,
        };
        Self {
            shell: Shell::sample(Section::Ownership),
            asked: answer.asset.clone(),
            outcome: Outcome::Told(answer),
            tenants: vec![tenant(0, "platform", true), tenant(1, "acme", true), tenant(2, "gone", false)],
            more_tenants: String::new(),
            rules: ownership.rules().collect(),
            rules_in_all: ownership.rules().len(),
            more_rules: String::new(),
            version: "0123456789ab".to_owned(),
            broken: None,
        }
    }
}

/// `GET /ownership?asset=…`
pub(crate) async fn show_ownership(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(asked): Query<Parameters>,
) -> Result<Html, Problem> {
    let loaded = ctx.ownership.loaded();
    let ownership = &loaded.value;
    let outcome = answer(ownership, &asked.asset, viewer.scope);
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let mut tenants = list_tenants(&mut *tx, &asked.tenant, TENANTS_A_PAGE + 1).await?;
    tx.commit().await?;
    let more_tenants = if tenants.len() as i64 > TENANTS_A_PAGE {
        tenants.pop();
        tenants.last().map_or_else(String::new, |last| format!("/ownership?tenant={}#tenants", last.slug))
    } else {
        String::new()
    };
    let visible = visible_rules(ownership, viewer.scope);
    let rules_in_all = visible.len();
    let more = asked.rule + RULES_A_PAGE < rules_in_all;
    OwnershipPage {
        shell: Shell::new("Ownership", Section::Ownership, &viewer)
            .with_lead("Whose an asset is, in which layer it lies, and which rule says so."),
        asked: asked.asset,
        outcome,
        tenants,
        more_tenants,
        rules: visible.into_iter().skip(asked.rule).take(RULES_A_PAGE).collect(),
        rules_in_all,
        more_rules: if more { format!("/ownership?rule={}#rules", asked.rule + RULES_A_PAGE) } else { String::new() },
        version: loaded.version.short(),
        broken: loaded.broken.clone(),
    }
    .render_page()
}

fn answer(ownership: &Ownership, asset: &str, scope: Scope) -> Outcome {
    if asset.trim().is_empty() {
        return Outcome::NotAsked;
    }
    match who_owns_as(ownership, asset, scope) {
        Ok(ConfinedAnswer::Told(answer)) => Outcome::Told(answer),
        Ok(ConfinedAnswer::NotYours { asset, .. }) => Outcome::NotYours(asset),
        Err(error) => Outcome::NotAnAsset(error.to_string()),
    }
}

/// All of them, or, for a tenant's viewer, the conventions: explicit entries and accounts name other tenants.
fn visible_rules(ownership: &Ownership, scope: Scope) -> Vec<RuleLine> {
    let Scope::Tenant(viewer) = scope else { return ownership.rules().collect() };
    let others = |text: &str| {
        let other = |tenant: &&crate::Tenant| tenant.id != viewer && text.contains(tenant.slug.as_str());
        ownership.tenants().iter().find(other).is_some()
    };
    ownership.conventions_by_capture().filter(|rule| !others(&rule.text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_renders_an_answer_tenants_and_rules() {
        let html = OwnershipPage::sample().render().unwrap();
        for part in
            ["s3://lake-raw/acme/orders.csv", "convention s3[0]", "inactive", "legal hold", "/findings?tenant=acme"]
        {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn an_unanswered_question_says_what_can_be_asked() {
        let mut page = OwnershipPage::sample();
        for (asset, shown) in [("orders", "is not an asset"), ("s3://nowhere/x", "unowned"), ("", "Ask about")] {
            let ownership = Ownership::parse("").unwrap();
            page.outcome = answer(&ownership, asset, Scope::All);
            assert!(page.render().unwrap().contains(shown), "{asset}");
        }
    }
}
