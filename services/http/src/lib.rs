//! What every route shares: who may call it, problems, the page shell, components, charts, limits.

// Templates of every crate, this one too, call `lakewarden_http::…`.
extern crate self as lakewarden_http;

mod assets;
mod body;
mod caller;
pub mod charts;
mod page;
mod problem;
mod problem_page;
mod routes;
mod shell;
pub mod show;
mod sign_in;
mod surroundings;

pub use assets::asset_routes;
pub use body::{BodyError, BodyLimits, read_body};
pub use caller::{AuthState, CallerIs, CurrentProducer, CurrentViewer, authenticate, session_cookie};
pub use page::{Html, MaybeViewer, Page};
pub use problem::{FieldError, Problem};
pub use problem_page::problem_page;
pub use routes::{Endpoint, Routes};
pub use shell::{Crumb, NavigationGroup, Section, Shell};
pub use sign_in::{SignInPage, local_path};
pub use surroundings::{Surround, Surroundings, surround};
