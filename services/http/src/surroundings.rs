//! What every page of a request shows without its handler knowing: warnings of the service, the name of the viewer's tenant.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use lakewarden_identity::{Caller, Viewer};

use crate::CallerIs;

/// Given to every [`crate::Shell`] that is made while a request is answered.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Shown above the content of every page.
    pub warnings: Vec<String>,
    /// What a viewer of one tenant reads in the scope badge.
    pub scope_name: Option<String>,
}

/// Where the surroundings of a viewer come from: the assembly knows the policies' state and the tenants' names.
#[derive(Clone)]
pub struct Surround(Arc<dyn Fn(&Viewer) -> Surroundings + Send + Sync>);

impl Surround {
    pub fn new(of_viewer: impl Fn(&Viewer) -> Surroundings + Send + Sync + 'static) -> Self {
        Self(Arc::new(of_viewer))
    }
}

impl fmt::Debug for Surround {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surround")
    }
}

tokio::task_local! {
    static OF_THIS_REQUEST: Surroundings;
}

impl Surroundings {
    /// Those of the request being answered; none outside of one.
    pub(crate) fn of_this_request() -> Self {
        OF_THIS_REQUEST.try_with(Clone::clone).unwrap_or_default()
    }
}

/// Middleware, inside of [`crate::authenticate`]: makes the surroundings known to every shell of this request.
pub async fn surround(State(Surround(of_viewer)): State<Surround>, request: Request, next: Next) -> Response {
    let surroundings = match request.extensions().get::<CallerIs>() {
        Some(CallerIs(Caller::Viewer(viewer))) => of_viewer(viewer),
        _ => Surroundings::default(),
    };
    OF_THIS_REQUEST.scope(surroundings, next.run(request)).await
}
