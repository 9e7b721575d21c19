//! The sign-in page, and where it leads afterwards.

use askama::Template;

use crate::Shell;

/// `GET /sign-in`, and the answer to a failed `POST /sign-in` (fields `username`, `password`, `next`).
#[derive(Debug, Template)]
#[template(path = "identity/sign_in.html")]
pub struct SignInPage {
    pub shell: Shell,
    /// Where to go afterwards; pass it through [`local_path`].
    pub next: String,
    pub failed: bool,
}

impl SignInPage {
    pub fn new(next: &str, failed: bool) -> Self {
        Self { shell: Shell::signed_out("Sign in"), next: local_path(next).to_owned(), failed }
    }

    pub fn sample() -> Self {
        Self::new("/findings?severity=critical", true)
    }
}

/// A path on this service, or `/`: a link to sign in must not lead to another host.
pub fn local_path(next: &str) -> &str {
    let is_local = next.starts_with('/')
        && !next.starts_with("//")
        && !next.starts_with("/\\")
        && !next.contains(|character: char| character.is_ascii_control());
    if is_local { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_never_leads_to_another_host() {
        assert_eq!(local_path("/findings?status=open"), "/findings?status=open");
        for elsewhere in
            ["https://evil.example", "//evil.example", "/\\evil.example", "", "/\t/evil.example", "findings"]
        {
            assert_eq!(local_path(elsewhere), "/", "{elsewhere:?}");
        }
    }

    #[test]
    fn the_page_says_that_signing_in_failed_and_remembers_where_to_go() {
        let html = SignInPage::sample().render().unwrap();
        assert!(html.contains(r#"value="/findings?severity=critical""#), "{html}");
        assert!(html.contains("did not match"));
    }
}
