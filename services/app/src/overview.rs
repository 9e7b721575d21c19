//! The overview: is anything wrong, since when, for whom.

use lakewarden_http::Routes;

use crate::App;

pub(crate) fn routes(_app: &App) -> Routes {
    Routes::new()
}
