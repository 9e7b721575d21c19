//! What every route shares: who may call it, problems, the page shell, limits, request ids.

mod body;
mod caller;
mod page;
mod problem;
mod routes;

pub use body::{BodyError, BodyLimits, read_body};
pub use caller::{AuthState, CallerIs, CurrentProducer, CurrentViewer, authenticate, session_cookie};
pub use page::{Html, MaybeViewer, Page, Section, Shell};
pub use problem::{FieldError, Problem};
pub use routes::{Endpoint, Routes};
