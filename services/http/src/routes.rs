//! Routes that say who may call them. There is no way to add one without saying so.

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use lakewarden_identity::{Caller, Who};

use crate::{CallerIs, Problem};

/// One route as declared: the list of them is what the access test walks and what OpenAPI is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub method: Method,
    /// In axum's form: `/findings/{id}`.
    pub path: String,
    pub who: Who,
}

/// A slice's routes.
#[derive(Debug, Default)]
pub struct Routes {
    router: Router,
    endpoints: Vec<Endpoint>,
}

impl Routes {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn get<S, H, T>(self, path: &str, who: Who, state: S, handler: H) -> Self
    where
        S: Clone + Send + Sync + 'static,
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(&Method::GET, MethodFilter::GET, path, who, state, handler)
    }

    #[must_use]
    pub fn post<S, H, T>(self, path: &str, who: Who, state: S, handler: H) -> Self
    where
        S: Clone + Send + Sync + 'static,
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(&Method::POST, MethodFilter::POST, path, who, state, handler)
    }

    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.endpoints.extend(other.endpoints);
        self
    }

    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    pub fn into_router(self) -> Router {
        self.router
    }

    fn add<S, H, T>(mut self, method: &Method, filter: MethodFilter, path: &str, who: Who, state: S, handler: H) -> Self
    where
        S: Clone + Send + Sync + 'static,
        H: Handler<T, S>,
        T: 'static,
    {
        let route = on(filter, handler)
            .layer(middleware::from_fn(move |request: Request, next: Next| admit(who, request, next)))
            .with_state(state);
        self.router = self.router.route(path, route);
        self.endpoints.push(Endpoint { method: method.clone(), path: path.to_owned(), who });
        self
    }
}

async fn admit(who: Who, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<CallerIs>().map_or(&Caller::Anonymous, |CallerIs(caller)| caller);
    if who.admits(caller) {
        return next.run(request).await;
    }
    match caller {
        Caller::Anonymous => Problem::unauthorized().into_response(),
        Caller::Producer(_) => Problem::forbidden(
            "this token may only post observations; reading needs a token with reach `all` or `tenant`",
        )
        .into_response(),
        Caller::Viewer(_) => {
            Problem::forbidden("this page or action is for callers who may see every tenant").into_response()
        }
    }
}
