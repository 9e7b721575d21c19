//! `/deliveries`: who was told what, what waits, what failed and why. For operators; only the administrator retries.

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query as UrlQuery, State as FromState};
use axum::response::Redirect;
use chrono::{DateTime, Utc};
use lakewarden_core::Cursor;
use lakewarden_db::enqueue;
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell, show};
use lakewarden_tenancy::Ownership;
use serde::{Deserialize, Serialize};

use crate::delivery::{Attempt, Delivery, DeliveryId, State};
use crate::jobs::DeliverAlert;
use crate::store::{self, Lane};
use crate::{Ctx, Event, Notice};

const PAGE: usize = 50;
const NOTICES_SHOWN: i64 = 50;

/// An empty word is no filter, as a form sends it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    state: String,
    receiver: String,
    cursor: String,
}

/// A page of the list.
#[derive(Debug, Serialize)]
pub(crate) struct DeliveriesPage {
    deliveries: Vec<Delivery>,
    next: Option<String>,
}

/// A receiver with the state of its lane.
#[derive(Debug)]
struct ReceiverLine {
    name: String,
    kind: &'static str,
    /// Never more of the address than its host.
    host: String,
    waiting: i64,
    dead: i64,
    sent: i64,
    failures: i32,
    next_at: Option<DateTime<Utc>>,
}

impl ReceiverLine {
    fn failures_in_words(&self) -> String {
        show::plural(self.failures.into(), "time", "times")
    }
}

#[derive(Template)]
#[template(path = "alerts/deliveries.html")]
struct ListPage {
    shell: Shell,
    query: Query,
    receivers: Vec<ReceiverLine>,
    page: DeliveriesPage,
    broken: Option<String>,
    may_retry: bool,
    now: DateTime<Utc>,
}

impl ListPage {
    fn names(&self) -> Vec<&str> {
        self.receivers.iter().map(|receiver| receiver.name.as_str()).collect()
    }

    fn older(&self) -> String {
        let Some(cursor) = &self.page.next else { return String::new() };
        let receiver =
            askama::filters::urlencode_strict(&self.query.receiver).map(|text| text.to_string()).unwrap_or_default();
        format!("/deliveries?state={}&receiver={receiver}&cursor={cursor}", self.query.state)
    }

    fn first(&self) -> &'static str {
        if self.query.cursor.is_empty() { "" } else { "/deliveries" }
    }
}

#[derive(Template)]
#[template(path = "alerts/delivery.html")]
struct DeliveryPage {
    shell: Shell,
    delivery: Delivery,
    owner: String,
    attempts: Vec<Attempt>,
    notices: Vec<(Event, Notice)>,
    may_retry: bool,
}

pub(crate) async fn list_deliveries(
    FromState(ctx): FromState<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    UrlQuery(query): UrlQuery<Query>,
) -> Result<Html, Problem> {
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let page = read_page(&mut tx, &query).await?;
    let lanes = store::list_lanes(&mut *tx).await?;
    let backlogs = store::list_backlogs(&mut *tx).await?;
    tx.commit().await?;
    let shell = Shell::new("Deliveries", Section::Deliveries, &viewer)
        .with_lead("Who was told of findings, what waits to be sent, and what a receiver would not take.");
    let broken = ctx.policy.loaded().broken.as_ref().map(ToString::to_string);
    let (receivers, may_retry) = (receiver_lines(&ctx, &lanes, &backlogs), viewer.is_administrator);
    ListPage { shell, query, receivers, page, broken, may_retry, now: ctx.clock.now() }.render_page()
}

pub(crate) async fn get_deliveries(
    FromState(ctx): FromState<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    UrlQuery(query): UrlQuery<Query>,
) -> Result<Json<DeliveriesPage>, Problem> {
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let page = read_page(&mut tx, &query).await?;
    tx.commit().await?;
    Ok(Json(page))
}

async fn read_page(connection: &mut sqlx::PgConnection, query: &Query) -> Result<DeliveriesPage, Problem> {
    let state =
        match query.state.as_str() {
            "" => None,
            word => Some(word.parse::<State>().map_err(|()| {
                Problem::bad_request("`state` is one of waiting, sending, sent, dead, merged, silenced")
            })?),
        };
    let receiver = Some(query.receiver.as_str()).filter(|receiver| !receiver.is_empty());
    let before = match query.cursor.as_str() {
        "" => Cursor::start(),
        cursor => Cursor::decode(cursor).map_err(|error| Problem::bad_request(error.to_string()))?,
    };
    let mut deliveries = store::list_deliveries(connection, state, receiver, before, PAGE as i64 + 1).await?;
    let next = (deliveries.len() > PAGE).then(|| {
        deliveries.truncate(PAGE);
        Cursor { at: deliveries[PAGE - 1].created_at, id: deliveries[PAGE - 1].id.0 }.encode()
    });
    Ok(DeliveriesPage { deliveries, next })
}

/// The receivers of the file, and those that are no longer in it but still have something dead.
fn receiver_lines(ctx: &Ctx, lanes: &[Lane], backlogs: &[store::Backlog]) -> Vec<ReceiverLine> {
    let policy = ctx.policy.get();
    let gone =
        backlogs.iter().filter(|backlog| policy.receiver(&backlog.receiver).is_none()).map(|backlog| &backlog.receiver);
    let known = policy.receivers().iter().map(|receiver| &receiver.name);
    known
        .chain(gone)
        .map(|name| {
            let receiver = policy.receiver(name);
            let backlog = backlogs.iter().find(|backlog| backlog.receiver == *name);
            let lane = lanes.iter().find(|lane| lane.receiver == *name);
            ReceiverLine {
                name: name.clone(),
                kind: receiver.map_or("no longer in the file", |receiver| receiver.kind.as_str()),
                host: receiver.map(|receiver| receiver.host(ctx.environment())).unwrap_or_default(),
                waiting: backlog.map_or(0, |backlog| backlog.waiting),
                dead: backlog.map_or(0, |backlog| backlog.dead),
                sent: backlog.map_or(0, |backlog| backlog.sent),
                failures: lane.map_or(0, |lane| lane.failures),
                next_at: lane.filter(|lane| lane.failures > 0).map(|lane| lane.next_at),
            }
        })
        .collect()
}

pub(crate) async fn show_delivery(
    FromState(ctx): FromState<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<String>,
) -> Result<Html, Problem> {
    let id = delivery_id(&id)?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let delivery = store::find_delivery(&mut *tx, id).await?.ok_or_else(|| missing(&id.to_string()))?;
    let attempts = store::list_attempts(&mut *tx, id).await?;
    let notices = store::list_notices(&mut *tx, id, NOTICES_SHOWN).await?;
    tx.commit().await?;
    let shell = Shell::new(format!("Delivery {id}"), Section::Deliveries, &viewer).under("Deliveries", "/deliveries");
    let owner = owner_name(&delivery, &ctx.ownership.get());
    DeliveryPage { shell, delivery, owner, attempts, notices, may_retry: viewer.is_administrator }.render_page()
}

fn owner_name(delivery: &Delivery, ownership: &Ownership) -> String {
    match delivery.tenant_id {
        None => "unowned".to_owned(),
        Some(id) if id.is_platform() => "platform".to_owned(),
        Some(id) => ownership.tenant(id).map_or_else(|| format!("tenant {id}"), |tenant| tenant.name.clone()),
    }
}

/// Has a dead or delayed delivery sent now.
pub(crate) async fn retry_delivery(
    FromState(ctx): FromState<Ctx>,
    Path(id): Path<String>,
) -> Result<Redirect, Problem> {
    let id = delivery_id(&id)?;
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin().await?;
    let Some(receiver) = store::lock_for_retry(&mut *tx, id).await? else {
        return Err(Problem::conflict("only a delivery that is dead or waits for its next try can be retried"));
    };
    let successors = store::list_successors(&mut *tx, id).await?;
    store::absorb(&mut tx, id, &successors, now).await?;
    store::reset_for_retry(&mut *tx, id, now).await?;
    store::upsert_lane(&mut *tx, &Lane { receiver: receiver.clone(), next_at: now, failures: 0 }).await?;
    enqueue(&mut tx, &DeliverAlert { receiver }, now).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/deliveries/{id}")))
}

fn delivery_id(text: &str) -> Result<DeliveryId, Problem> {
    text.parse().map_err(|_| missing(text))
}

fn missing(id: &str) -> Problem {
    Problem::not_found(format_args!("delivery `{id}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::samples::{crossing, noon};

    fn delivery(state: State) -> Delivery {
        Delivery {
            id: DeliveryId(7),
            receiver: "lake".into(),
            policy_id: "access-cross-tenant-read".into(),
            tenant_id: None,
            state,
            attempts: 3,
            created_at: noon(),
            due_at: noon(),
            last_attempt_at: Some(noon()),
            last_status: Some(503),
            last_answer: Some("<busy>".into()),
            settled_at: None,
            findings: 1_204,
        }
    }

    #[test]
    fn the_list_renders_with_and_without_receivers() {
        let page = |receivers, deliveries| ListPage {
            shell: Shell::sample(Section::Deliveries),
            query: Query::default(),
            receivers,
            page: DeliveriesPage { deliveries, next: None },
            broken: Some("alerts.toml:3: unknown field".into()),
            may_retry: true,
            now: noon(),
        };
        let line = ReceiverLine {
            name: "lake".into(),
            kind: "slack",
            host: "hooks.slack.com".into(),
            waiting: 2,
            dead: 1,
            sent: 40,
            failures: 4,
            next_at: Some(noon()),
        };
        let html = page(vec![line], vec![delivery(State::Dead)]).render().unwrap();
        for words in ["hooks.slack.com", "/deliveries/7/retry", "&#60;busy&#62;", "1,204", "alerts.toml:3"] {
            assert!(html.contains(words), "{words} in {html}");
        }
        let html = page(vec![], vec![]).render().unwrap();
        assert!(html.contains("Nobody is told"), "{html}");
    }

    #[test]
    fn a_delivery_renders_with_every_try() {
        let attempt = |attempt, finished_at| Attempt {
            attempt,
            started_at: noon(),
            finished_at,
            took_ms: finished_at.map(|_| 1_250),
            status: finished_at.map(|_| 503),
            answer: finished_at.map(|_| "busy".into()),
        };
        let page = DeliveryPage {
            shell: Shell::sample(Section::Deliveries),
            delivery: delivery(State::Waiting),
            owner: "Globex".into(),
            attempts: vec![attempt(2, None), attempt(1, Some(noon()))],
            notices: vec![(Event::Opened, crossing())],
            may_retry: false,
        };
        let html = page.render().unwrap();
        for words in ["/findings/42", "never answered", "503", "1,250"] {
            assert!(html.contains(words), "{words} in {html}");
        }
        assert!(!html.contains("/retry"), "only the administrator retries");
    }
}
