//! Telling people: routes of `policies/alerts.toml`, the transactional outbox, Slack and webhook delivery.
//!
//! Tables: `deliveries`, `delivery_notices`, `delivery_attempts`, `alert_lanes`. Jobs: `deliver_alert`
//! (one for each receiver), `sweep_alerts`.

mod deliver;
mod delivery;
mod error;
mod jobs;
mod message;
mod notice;
mod outbox;
mod pages;
mod policy;
mod radius;
mod receiver;
mod sender;
mod slack;
mod store;
mod webhook;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lakewarden_core::{Clock, FindingId, Live};
use lakewarden_db::Db;
use lakewarden_http::Routes;
use lakewarden_identity::Who;
use lakewarden_tenancy::Ownership;
use sqlx::PgExecutor;

pub use delivery::{Attempt, Delivery, DeliveryId, State};
pub use error::AlertsError;
pub use jobs::{DeliverAlert, SweepAlerts, jobs};
pub use notice::{Event, Notice, PolicyKind, UnknownKind};
pub use outbox::{notify, notify_all};
pub use policy::AlertPolicy;
pub use radius::{BlastRadius, NoRadius, Radius};
pub use receiver::{Receiver, ReceiverKind};

use receiver::Environment;
use sender::Sender;

/// What this slice's handlers and jobs work with.
#[derive(Clone)]
pub struct Ctx {
    pub db: Db,
    pub clock: Clock,
    pub policy: Live<AlertPolicy>,
    pub ownership: Live<Ownership>,
    radius: Arc<dyn BlastRadius>,
    /// Where people reach the pages, without a trailing slash: links in messages start with it.
    base_url: Arc<str>,
    sender: Sender,
    environment: Arc<Environment>,
}

impl Ctx {
    pub fn new(
        db: Db,
        clock: Clock,
        policy: Live<AlertPolicy>,
        ownership: Live<Ownership>,
        radius: Arc<dyn BlastRadius>,
        base_url: &str,
    ) -> Self {
        Self {
            db,
            clock,
            policy,
            ownership,
            radius,
            base_url: base_url.trim_end_matches('/').into(),
            sender: Sender::new(),
            environment: Arc::new(|name| std::env::var(name).ok()),
        }
    }

    /// Looks up addresses and signing secrets (`url_env`, `secret_env`) elsewhere than in the process's environment.
    #[must_use]
    pub fn with_environment(self, lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { environment: Arc::new(lookup), ..self }
    }

    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Everything downstream of the asset; `None` where it is unknown or the answer takes longer than `at_most`.
    pub async fn blast_radius(&self, asset: &str, at_most: Duration) -> Option<Radius> {
        tokio::time::timeout(at_most, self.radius.of(asset)).await.ok().flatten()
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn environment(&self) -> &Environment {
        &*self.environment
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("clock", &self.clock).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// The deliveries that spoke of a finding, the newest first.
pub async fn list_deliveries_of(
    executor: impl PgExecutor<'_>,
    finding: FindingId,
) -> Result<Vec<Delivery>, sqlx::Error> {
    store::list_deliveries_of(executor, finding).await
}

pub fn routes(ctx: Ctx) -> Routes {
    Routes::new()
        .get("/deliveries", Who::Operator, ctx.clone(), pages::list_deliveries)
        .get("/deliveries/{id}", Who::Operator, ctx.clone(), pages::show_delivery)
        .post("/deliveries/{id}/retry", Who::Administrator, ctx.clone(), pages::retry_delivery)
        .get("/api/v1/deliveries", Who::Operator, ctx, pages::get_deliveries)
}
