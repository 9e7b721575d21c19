//! `/policies` and `/policies/{id}`: the rules in force and what they found.

use askama::Template;
use axum::extract::{Path, State};
use lakewarden_alerts::PolicyKind;
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};

use crate::Ctx;
use crate::lens::{Finding, Party};
use crate::read::{self, PolicyLine};

const FINDINGS_SHOWN: i64 = 20;

#[derive(Template)]
#[template(path = "findings/policies.html")]
struct PoliciesPage {
    shell: Shell,
    groups: Vec<(&'static str, Vec<PolicyLine>)>,
    /// What is wrong with the files on disk, where something is.
    broken: Option<String>,
    version: String,
}

#[derive(Template)]
#[template(path = "findings/policy.html")]
struct PolicyPage {
    shell: Shell,
    line: PolicyLine,
    findings: Vec<Finding>,
}

/// The heading over a kind's policies.
const fn heading(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Isolation => "Isolation",
        PolicyKind::Quality => "Quality",
        PolicyKind::Cost => "Cost",
        PolicyKind::Service => "The watcher itself",
    }
}

impl PolicyPage {
    fn rows(&self) -> &[Finding] {
        &self.findings
    }
}

pub(crate) async fn list_policies(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
) -> Result<Html, Problem> {
    let lines = read::policies(&ctx, &viewer).await?;
    let shell = Shell::new("Policies", Section::Policies, &viewer).with_lead(
        "The rules in force, as their files say them, and how many findings each has that are not resolved.",
    );
    let loaded = ctx.registry.loaded();
    let broken = loaded.broken.as_ref().filter(|_| viewer.sees_everything()).map(ToString::to_string);
    PoliciesPage { shell, groups: grouped(&lines), broken, version: loaded.version.to_hex() }.render_page()
}

fn grouped(lines: &[PolicyLine]) -> Vec<(&'static str, Vec<PolicyLine>)> {
    let of_kind =
        |kind: &PolicyKind| lines.iter().filter(|line| line.policy.kind == *kind).cloned().collect::<Vec<_>>();
    PolicyKind::ALL.iter().map(|kind| (heading(*kind), of_kind(kind))).filter(|(_, lines)| !lines.is_empty()).collect()
}

pub(crate) async fn show_policy(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<String>,
) -> Result<Html, Problem> {
    let lines = read::policies(&ctx, &viewer).await?;
    let line = lines
        .into_iter()
        .find(|line| line.policy.id == id)
        .ok_or_else(|| Problem::not_found(format_args!("policy `{id}`")))?;
    let findings = read::list_of_policy(&ctx, &viewer, &id, FINDINGS_SHOWN).await?;
    let shell = Shell::new(line.policy.title.clone(), Section::Policies, &viewer).under("Policies", "/policies");
    PolicyPage { shell, line, findings }.render_page()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::finding::samples::finding;

    fn lines() -> Vec<PolicyLine> {
        let line = |policy| PolicyLine { policy, unresolved: 7, ever: 9 };
        crate::service_policies().into_iter().map(line).collect()
    }

    #[test]
    fn policies_render_by_kind_with_their_open_findings() {
        let page = PoliciesPage {
            shell: Shell::sample(Section::Policies),
            groups: grouped(&lines()),
            broken: Some("isolation/access.cedar:3: unexpected token".into()),
            version: "ab".repeat(32),
        };
        let html = page.render().unwrap();
        for words in
            ["The watcher itself", "/policies/service-unowned-asset", "access.cedar:3", "policy=service-unowned-asset"]
        {
            assert!(html.contains(words), "{words} in {html}");
        }
    }

    #[test]
    fn a_policy_renders_with_its_text_and_findings() {
        let page =
            PolicyPage { shell: Shell::sample(Section::Policies), line: lines().remove(2), findings: vec![finding()] };
        let html = page.render().unwrap();
        assert!(
            html.contains("/findings/42") && html.contains("tenants.toml") && html.contains("SOC2:CC6.1"),
            "{html}"
        );
    }
}
