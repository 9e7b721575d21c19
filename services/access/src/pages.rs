//! The explorer, a principal, and one class with its records.

use askama::Template;
use axum::extract::{Path, Query, State};
use chrono::{DateTime, Utc};
use lakewarden_core::{Cursor, Scope, Sha256};
use lakewarden_http::charts::{Bar, Markup, Series, StackedBars, Unit};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use lakewarden_identity::Viewer;
use lakewarden_tenancy::Ownership;

use crate::Ctx;
use crate::api::{Access, page};
use crate::explorer::{self, Filter, PAGE, Party, acting_party, escape, party};
use crate::ids::{ClassId, PrincipalId};
use crate::store::{self, AssetRow, PrincipalRow, StoredAsset, StoredIdentity, StoredSample, TimelineRow};
use crate::touched::Action;

const SINCE: [&str; 5] = ["24h", "7d", "30d", "90d", "all"];

/// What the form of filters shows.
#[derive(Debug, Clone, Default)]
struct Choices {
    /// Slugs; empty for a viewer confined to one tenant.
    tenants: Vec<String>,
    actions: Vec<&'static str>,
}

const OUTCOMES: [&str; 2] = ["allowed", "denied"];

impl Choices {
    fn of(ownership: &Ownership, viewer: &Viewer) -> Self {
        let actions = Action::ALL.iter().map(|action| action.as_str()).collect();
        if !viewer.sees_everything() {
            return Self { tenants: Vec::new(), actions };
        }
        let tenants = ownership.tenants().iter().map(|tenant| tenant.slug.clone());
        Self { tenants: tenants.chain(["platform".to_owned()]).collect(), actions }
    }
}

/// A line of the list by asset.
#[derive(Debug, Clone)]
struct AssetLine {
    row: AssetRow,
    owner: Party,
    href: String,
}

/// A line of the list by principal.
#[derive(Debug, Clone)]
struct PrincipalLine {
    row: PrincipalRow,
    actor: Party,
}

impl PrincipalLine {
    fn name(&self) -> Option<String> {
        let name = self.row.name.as_ref()?;
        let tag = self.row.session_tag.as_deref().filter(|tag| !tag.is_empty()).map(|tag| format!(" ({tag})"));
        Some(format!("{name}{}", tag.unwrap_or_default()))
    }
}

/// One asset, and why it is whose.
#[derive(Debug, Clone)]
struct AssetHead {
    asset: StoredAsset,
    owner: Party,
}

#[derive(Template)]
#[template(path = "access/explorer.html")]
struct ExplorerPage {
    shell: Shell,
    query: explorer::Query,
    choices: Choices,
    /// Set where the page is about one asset.
    head: Option<AssetHead>,
    assets: Vec<AssetLine>,
    principals: Vec<PrincipalLine>,
    accesses: Vec<Access>,
    chart: Option<Markup>,
    first: String,
    next: String,
}

impl ExplorerPage {
    fn everything(&self) -> String {
        format!("/access?{}", self.query.with(&[("since", "all")]))
    }

    fn is_by_principal(&self) -> bool {
        self.query.by == "principals"
    }

    fn is_empty(&self) -> bool {
        self.assets.is_empty() && self.principals.is_empty() && self.accesses.is_empty()
    }

    fn tab(&self, by: &str) -> String {
        format!("/access?{}", self.query.with(&[("by", by), ("asset", ""), ("q", "")]))
    }
}

/// Who touched what: by asset, by principal, or everything about one asset.
pub async fn show_explorer(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<explorer::Query>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let filter = query.filter(&ownership, ctx.clock.now())?;
    let after = query.after()?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let (mut assets, mut principals, mut accesses, mut head) = (Vec::new(), Vec::new(), Vec::new(), None);
    let next;
    if let Some(name) = &filter.asset {
        let asset = store::find_asset(&mut *tx, name).await?.ok_or_else(|| Problem::not_found("asset of this name"))?;
        head = Some(AssetHead { owner: party(asset.tenant_id, &ownership, &viewer), asset });
        let rows = store::list_classes(&mut *tx, &filter, after, PAGE + 1).await?;
        let (rows, more) = page(rows, |row| Cursor { at: row.last_at, id: i64::from(row.id.0) });
        accesses = rows.into_iter().map(|row| Access::of(row, &ownership, &viewer)).collect();
        next = more;
    } else if query.by == "principals" {
        let rows = store::list_principals(&mut *tx, &filter, after, PAGE + 1).await?;
        let (rows, more) = page(rows, |row| Cursor { at: row.last_at, id: i64::from(row.id.0) });
        principals = rows.into_iter().map(|row| principal_line(row, &ownership, &viewer)).collect();
        next = more;
    } else {
        let rows = store::list_assets(&mut *tx, &filter, after, PAGE + 1).await?;
        let (rows, more) = page(rows, |row| Cursor { at: row.last_at, id: i64::from(row.id.0) });
        assets = rows.into_iter().map(|row| asset_line(row, &query, &ownership, &viewer)).collect();
        next = more;
    }
    let timeline = store::list_timeline(&mut *tx, &filter, filter.bucket()).await?;
    let shell = match &head {
        Some(head) => Shell::new(head.asset.name.clone(), Section::Access, &viewer).under("Access", "/access"),
        None => Shell::new("Access", Section::Access, &viewer).with_lead("Who touched what, from CloudTrail."),
    };
    let first = if query.cursor.is_empty() { String::new() } else { format!("/access?{}", query.with(&[])) };
    let next = next.map(|cursor| format!("/access?{}", query.with(&[("cursor", &cursor)]))).unwrap_or_default();
    let choices = Choices::of(&ownership, &viewer);
    let chart = chart(&timeline, &filter);
    ExplorerPage { shell, query, choices, head, assets, principals, accesses, chart, first, next }.render_page()
}

fn asset_line(row: AssetRow, query: &explorer::Query, ownership: &Ownership, viewer: &Viewer) -> AssetLine {
    let href = format!("/access?{}", query.with(&[("asset", &row.name), ("q", "")]));
    AssetLine { owner: party(row.tenant_id, ownership, viewer), href, row }
}

fn principal_line(row: PrincipalRow, ownership: &Ownership, viewer: &Viewer) -> PrincipalLine {
    let actor = acting_party(&row.actor, row.tenant_id, row.name.is_some(), ownership, viewer);
    PrincipalLine { row, actor }
}

fn chart(timeline: &[TimelineRow], filter: &Filter) -> Option<Markup> {
    if timeline.is_empty() {
        return None;
    }
    let is_hourly = filter.bucket() == "hour";
    let total: i64 = timeline.iter().map(|row| row.allowed + row.denied).sum();
    let denied: i64 = timeline.iter().map(|row| row.denied).sum();
    let bars = filled(timeline, filter).into_iter().map(|row| {
        let values = vec![row.allowed as f64, row.denied as f64];
        if is_hourly { Bar::hour(row.at, values) } else { Bar::day(row.at.date_naive(), values) }
    });
    let chart = StackedBars {
        title: format!("Records by {}", filter.bucket()),
        description: format!("{total} records in this window, {denied} of them denied."),
        unit: Unit::default(),
        series: vec![Series::nth(0, "allowed"), Series::of_class("series-bad", "denied")],
        bars: bars.collect(),
        ..StackedBars::default()
    };
    Some(chart.render())
}

/// Most bars a chart is drawn with.
const BARS: i64 = 200;

/// The timeline with its empty hours or days, as long as a chart can hold them.
fn filled(timeline: &[TimelineRow], filter: &Filter) -> Vec<TimelineRow> {
    let step = if filter.bucket() == "hour" { 3600 } else { 86_400 };
    let (Some(first), Some(last)) = (timeline.first(), timeline.last()) else { return Vec::new() };
    let steps = (last.at - first.at).num_seconds() / step;
    if steps > BARS {
        return timeline[timeline.len().saturating_sub(BARS as usize)..].to_vec();
    }
    let mut rows = timeline.iter().peekable();
    (0..=steps)
        .filter_map(|index| DateTime::from_timestamp(first.at.timestamp() + index * step, 0))
        .map(|at| match rows.next_if(|row| row.at == at) {
            Some(row) => row.clone(),
            None => TimelineRow { at, allowed: 0, denied: 0 },
        })
        .collect()
}

#[derive(Template)]
#[template(path = "access/principal.html")]
struct PrincipalPage {
    shell: Shell,
    query: explorer::Query,
    choices: Choices,
    principal: StoredIdentity,
    owner: Party,
    accesses: Vec<Access>,
    chart: Option<Markup>,
    first: String,
    next: String,
}

impl PrincipalPage {
    fn action(&self) -> String {
        format!("/access/principals/{}", self.principal.id)
    }

    /// Findings that name this principal.
    fn findings(&self) -> String {
        format!("/findings?plane=access&q={}", escape(&self.principal.name))
    }

    fn steps(&self) -> Vec<(&'static str, String)> {
        let principal = &self.principal;
        let mut steps = vec![("Record", format!("{} {}", principal.kind, principal.arn))];
        if !principal.session_tag.is_empty() {
            steps.push(("Session tag", principal.session_tag.clone()));
        }
        let decided = match principal.resolved_by.as_str() {
            "session-tag" => "Decided by the session tag",
            "platform" => "Permitted principal of the platform",
            "name" => "Decided by the name",
            "account" => "Decided by the account",
            "service" => "AWS service",
            _ => "Not attributed",
        };
        steps.push((decided, principal.rule.clone()));
        steps
    }
}

/// Who a principal is, how that was found out, and what it touched.
pub async fn show_principal(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<i32>,
    Query(query): Query<explorer::Query>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let filter = Filter { principal: Some(PrincipalId(id)), ..query.filter(&ownership, ctx.clock.now())? };
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let found = store::find_principal(&mut *tx, PrincipalId(id)).await?;
    let principal = found.ok_or_else(|| Problem::not_found(format_args!("principal {id}")))?;
    let rows = store::list_classes(&mut *tx, &filter, query.after()?, PAGE + 1).await?;
    let (rows, next) = page(rows, |row| Cursor { at: row.last_at, id: i64::from(row.id.0) });
    let timeline = store::list_timeline(&mut *tx, &filter, filter.bucket()).await?;
    let here = format!("/access/principals/{id}");
    let page = PrincipalPage {
        shell: Shell::new(principal.name.clone(), Section::Access, &viewer)
            .under("Access", "/access")
            .under("Principals", "/access?by=principals"),
        choices: Choices::of(&ownership, &viewer),
        owner: party(principal.tenant_id, &ownership, &viewer),
        accesses: rows.into_iter().map(|row| Access::of(row, &ownership, &viewer)).collect(),
        chart: chart(&timeline, &filter),
        first: if query.cursor.is_empty() { String::new() } else { format!("{here}?{}", query.with(&[])) },
        next: next.map(|cursor| format!("{here}?{}", query.with(&[("cursor", &cursor)]))).unwrap_or_default(),
        principal,
        query,
    };
    page.render_page()
}

/// An example record, as the page shows it.
#[derive(Debug, Clone)]
struct Example {
    at: DateTime<Utc>,
    place: String,
    hash: Option<Sha256>,
    record: String,
}

impl Example {
    fn of(sample: &StoredSample) -> Self {
        Self {
            at: sample.event_time,
            place: format!("{}#{}", sample.file, sample.position),
            hash: Sha256::from_slice(&sample.hash),
            record: serde_json::to_string_pretty(&sample.record).unwrap_or_default(),
        }
    }
}

#[derive(Template)]
#[template(path = "access/class.html")]
struct ClassPage {
    shell: Shell,
    access: Access,
    examples: Vec<Example>,
    /// Records name whoever acted, so they are withheld where that is another tenant.
    withheld: bool,
    chart: Option<Markup>,
}

/// One class of accesses with its timeline and the records behind it.
pub async fn show_class(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<i32>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let all = explorer::Query { since: "all".to_owned(), ..explorer::Query::default() };
    let filter = Filter { class: Some(ClassId(id)), ..all.filter(&ownership, ctx.clock.now())? };
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let row = store::list_classes(&mut *tx, &filter, all.after()?, 1).await?.pop();
    let row = row.ok_or_else(|| Problem::not_found(format_args!("access {id}")))?;
    let withheld = viewer.scope != Scope::All && row.actor != "own";
    let samples = if withheld { Vec::new() } else { store::list_samples(&mut *tx, ClassId(id)).await? };
    let timeline = store::list_timeline(&mut *tx, &filter, filter.bucket()).await?;
    let access = Access::of(row, &ownership, &viewer);
    let shell = Shell::new(format!("{} on {}", access.operation, access.asset), Section::Access, &viewer)
        .under("Access", "/access");
    let examples = samples.iter().map(Example::of).collect();
    ClassPage { shell, access, examples, withheld, chart: chart(&timeline, &filter) }.render_page()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Named;
    use crate::ids::ResourceId;

    fn at() -> DateTime<Utc> {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn access() -> Access {
        Access {
            id: 1,
            principal: Some(Named {
                id: 1,
                kind: "role".into(),
                account: "111111111111".into(),
                name: "acme-etl".into(),
                session_tag: String::new(),
            }),
            actor: Party::Tenant("acme".into()),
            action: "read".into(),
            operation: "s3:GetObject".into(),
            circumstances: vec!["denied"],
            asset: "s3://lake-raw/globex".into(),
            owner: Party::Tenant("globex".into()),
            second_asset: None,
            records: 1204,
            bytes_out: 5_000,
            first_at: at(),
            last_at: at(),
        }
    }

    fn timeline() -> Option<Markup> {
        let query = explorer::Query { since: "7d".into(), ..explorer::Query::default() };
        let filter = query.filter(&Ownership::default(), at()).unwrap();
        chart(&[TimelineRow { at: at(), allowed: 3, denied: 1 }], &filter)
    }

    impl ExplorerPage {
        fn sample() -> Self {
            let asset = StoredAsset {
                id: ResourceId(1),
                kind: "s3".into(),
                name: "s3://lake-raw/globex".into(),
                tenant_id: Some(2),
                layer: Some("raw".into()),
                rule: "convention s3[0]".into(),
            };
            Self {
                shell: Shell::sample(Section::Access),
                query: explorer::Query::default(),
                choices: Choices { tenants: vec!["acme".into()], actions: vec!["read"] },
                head: Some(AssetHead { asset, owner: Party::AnotherTenant }),
                assets: Vec::new(),
                principals: Vec::new(),
                accesses: vec![access(), Access { principal: None, actor: Party::AnotherTenant, ..access() }],
                chart: timeline(),
                first: String::new(),
                next: "/access?cursor=x".into(),
            }
        }
    }

    impl PrincipalPage {
        fn sample() -> Self {
            let principal = StoredIdentity {
                id: PrincipalId(1),
                kind: "role".into(),
                account: "111111111111".into(),
                name: "acme-etl".into(),
                arn: "arn:aws:iam::111111111111:role/acme-etl".into(),
                session_tag: "tenant=acme".into(),
                tenant_id: Some(1),
                is_permitted: false,
                resolved_by: "session-tag".into(),
                rule: "convention tags[0]".into(),
            };
            Self {
                shell: Shell::sample(Section::Access),
                query: explorer::Query::default(),
                choices: Choices::default(),
                principal,
                owner: Party::Tenant("acme".into()),
                accesses: vec![access()],
                chart: timeline(),
                first: String::new(),
                next: String::new(),
            }
        }
    }

    impl ClassPage {
        fn sample() -> Self {
            let example =
                Example { at: at(), place: "a.json.gz#7".into(), hash: Some(Sha256::of("x")), record: "{}".into() };
            let shell = Shell::sample(Section::Access);
            Self { shell, access: access(), examples: vec![example], withheld: false, chart: timeline() }
        }
    }

    #[test]
    fn every_page_renders() {
        let asset = ExplorerPage::sample().render_page().unwrap().0;
        assert!(asset.contains("another tenant") && asset.contains("acme-etl") && asset.contains("<svg"));
        let empty = ExplorerPage { head: None, accesses: Vec::new(), chart: None, ..ExplorerPage::sample() };
        assert!(empty.render_page().unwrap().0.contains("lakewarden import cloudtrail"));
        assert!(PrincipalPage::sample().render_page().unwrap().0.contains("tenant=acme"));
        assert!(ClassPage::sample().render_page().unwrap().0.contains("a.json.gz#7"));
        let withheld = ClassPage { examples: Vec::new(), withheld: true, ..ClassPage::sample() };
        assert!(withheld.render_page().unwrap().0.contains("another tenant"));
    }

    #[test]
    fn hours_without_records_are_drawn_as_such() {
        let query = explorer::Query { since: "7d".into(), ..explorer::Query::default() };
        let filter = query.filter(&Ownership::default(), at()).unwrap();
        let row = |hours| TimelineRow { at: at() + chrono::TimeDelta::hours(hours), allowed: 1, denied: 0 };
        let filled = filled(&[row(0), row(3)], &filter);
        assert_eq!(filled.iter().map(|row| row.allowed).collect::<Vec<_>>(), [1, 0, 0, 1]);
    }
}
