//! Who calls: API tokens, the bootstrap administrator, sessions, and what each may see.
//!
//! Tables: `api_tokens`, `administrators`, `sessions`.

mod caller;
mod secret;
mod session;
mod token;

pub use caller::{Caller, Producer, Viewer, Who};
pub use secret::{ApiSecret, new_secret};
pub use session::{SESSION_COOKIE, SignedIn, bootstrap_administrator, find_session, sign_in, sign_out};
pub use token::{Reach, Token, TokenError, TokenLookup, create_token, list_tokens, revoke_token};
