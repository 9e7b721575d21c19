//! From a request's headers to its caller, and extractors for handlers.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lakewarden_core::Clock;
use lakewarden_db::Db;
use lakewarden_identity::{Caller, Producer, SESSION_COOKIE, TokenLookup, Viewer, find_session};

use crate::Problem;

/// What [`authenticate`] needs.
#[derive(Debug, Clone)]
pub struct AuthState {
    pub db: Db,
    pub clock: Clock,
    pub tokens: TokenLookup,
}

impl AuthState {
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { tokens: TokenLookup::new(db.clone(), clock.clone()), db, clock }
    }
}

/// The caller, as the middleware found it; in the request's extensions.
#[derive(Debug, Clone)]
pub struct CallerIs(pub Caller);

/// Middleware: finds the caller of every request. What a route then asks of it is the route's [`crate::Routes`] entry.
pub async fn authenticate(State(state): State<AuthState>, mut request: Request, next: Next) -> Response {
    match find_caller(&state, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(CallerIs(caller));
            next.run(request).await
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn find_caller(state: &AuthState, headers: &HeaderMap) -> Result<Caller, sqlx::Error> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    if let Some(token) = bearer {
        return state.tokens.caller(token).await;
    }
    match session_cookie(headers) {
        Some(cookie) => Ok(find_session(state.db.system(), cookie, state.clock.now())
            .await?
            .map_or(Caller::Anonymous, Caller::Viewer)),
        None => Ok(Caller::Anonymous),
    }
}

/// The session cookie's value, if the request carries one.
pub fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == SESSION_COOKIE).then_some(value))
}

/// The signed-in reader of a page or of the API.
#[derive(Debug, Clone)]
pub struct CurrentViewer(pub Viewer);

impl<S: Sync> FromRequestParts<S> for CurrentViewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<CallerIs>() {
            Some(CallerIs(Caller::Viewer(viewer))) => Ok(Self(viewer.clone())),
            _ => Err(Problem::unauthorized()),
        }
    }
}

/// Who posts observations; a viewer with every tenant in scope counts under their own name.
#[derive(Debug, Clone)]
pub struct CurrentProducer(pub Producer);

impl<S: Sync> FromRequestParts<S> for CurrentProducer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<CallerIs>() {
            Some(CallerIs(Caller::Producer(producer))) => Ok(Self(producer.clone())),
            Some(CallerIs(Caller::Viewer(viewer))) => Ok(Self(Producer { name: viewer.name.clone() })),
            _ => Err(Problem::unauthorized()),
        }
    }
}
