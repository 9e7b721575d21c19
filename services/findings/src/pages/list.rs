//! `/findings`: what is wrong, filtered.

use askama::Template;
use axum::extract::{Query as UrlQuery, State};
use lakewarden_alerts::PolicyKind;
use lakewarden_core::{Plane, Severity};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell, show};

use crate::Ctx;
use crate::filter::Query;
use crate::lens::{Finding, Party};
use crate::read::{self, FindingsPage};

const STATUSES: [&str; 5] = ["open", "acknowledged", "resolved", "excepted", "all"];

#[derive(Template)]
#[template(path = "findings/list.html")]
struct ListPage {
    shell: Shell,
    query: Query,
    page: FindingsPage,
    /// Slugs for the filters; empty for a viewer who sees one tenant.
    tenants: Vec<String>,
    policies: Vec<String>,
}

struct Tile {
    label: &'static str,
    value: String,
    href: String,
    tone: &'static str,
}

impl ListPage {
    fn tiles(&self) -> Vec<Tile> {
        let tile = |&(severity, count): &(Severity, i64)| Tile {
            label: severity.as_str(),
            value: show::count(count),
            href: self.query.href("severity", severity.as_str()),
            tone: match severity {
                Severity::Critical if count > 0 => "critical",
                Severity::High if count > 0 => "high",
                _ => "",
            },
        };
        self.page.by_severity.iter().map(tile).collect()
    }

    fn rows(&self) -> &[Finding] {
        &self.page.findings
    }

    fn is_unfiltered(&self) -> bool {
        self.query == Query::default()
    }

    fn older(&self) -> String {
        self.page.next.as_deref().map(|cursor| self.query.href("cursor", cursor)).unwrap_or_default()
    }

    fn first(&self) -> String {
        if self.query.cursor.is_empty() { String::new() } else { self.query.href("cursor", "") }
    }
}

pub(crate) async fn list_findings(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    UrlQuery(query): UrlQuery<Query>,
) -> Result<Html, Problem> {
    let page = read::list(&ctx, &viewer, &query).await?;
    let ownership = ctx.ownership.get();
    let mut tenants = Vec::new();
    if viewer.sees_everything() {
        tenants.extend(ownership.tenants().iter().map(|tenant| tenant.slug.clone()));
        tenants.extend(["platform".to_owned(), "unowned".to_owned()]);
    }
    let policies = read::policies(&ctx, &viewer).await?;
    let policies = policies.into_iter().filter(|line| line.ever > 0).map(|line| line.policy.id).collect();
    let shell = Shell::new("Findings", Section::Findings, &viewer)
        .with_lead("Breaches of policies: of which rule, by whom, of whose data. Those seen last come first.");
    ListPage { shell, query, page, tenants, policies }.render_page()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::finding::samples::finding;

    #[test]
    fn the_list_renders_with_and_without_findings() {
        let page = |findings: Vec<Finding>| ListPage {
            shell: Shell::sample(Section::Findings),
            query: Query { q: "\"><script>".into(), ..Query::default() },
            page: FindingsPage { findings, next: Some("abc".into()), by_severity: vec![(Severity::Critical, 1_204)] },
            tenants: vec!["acme".into()],
            policies: vec!["access-cross-tenant-read".into()],
        };
        let html = page(vec![finding()]).render().unwrap();
        assert!(html.contains("1,204") && html.contains("/findings/42") && !html.contains("<script>\""), "{html}");
        assert!(page(vec![]).render().unwrap().contains("No finding matches"));
    }
}
