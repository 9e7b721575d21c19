//! One HTTP post to a receiver: guarded against addresses inside, without redirects, and silent about secrets.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, StatusCode, Url, header};

use crate::receiver::is_refused;

const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_READ_BYTES: usize = 4_096;
const ANSWER_KEPT: usize = 500;
/// Longer than this we do not wait, whatever the receiver says.
const RETRY_AFTER_CAP: TimeDelta = TimeDelta::hours(6);

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub verdict: Verdict,
    pub status: Option<u16>,
    /// What the receiver answered, or why there was no answer.
    pub answer: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Delivered,
    /// Trying again may help; not before the instant the receiver named.
    Retry {
        not_before: Option<DateTime<Utc>>,
    },
    /// Trying again is pointless until somebody changes something.
    Dead,
}

/// A request ready to be sent.
#[derive(Debug)]
pub(crate) struct Post<'a> {
    pub url: &'a Url,
    pub allow_private: bool,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Blanked out wherever the receiver repeats them.
    pub secrets: Vec<String>,
}

/// The clients, built once: one for each answer to "may it be private?".
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    public_only: Client,
    private_too: Client,
}

impl Sender {
    pub(crate) fn new() -> Self {
        Self { public_only: client(false), private_too: client(true) }
    }

    pub(crate) async fn send(&self, post: Post<'_>, now: DateTime<Utc>) -> Outcome {
        if let Some(refused) = refusal(post.url, post.allow_private) {
            return Outcome { verdict: Verdict::Dead, status: None, answer: refused };
        }
        let client = if post.allow_private { &self.private_too } else { &self.public_only };
        let mut request =
            client.post(post.url.clone()).header(header::CONTENT_TYPE, "application/json").body(post.body);
        for (name, value) in post.headers {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(response) => {
                let (status, retry_after) = (response.status(), retry_after(response.headers(), now));
                let answer = scrub(&read_beginning(response).await, post.url, &post.secrets);
                Outcome { verdict: judge(status, retry_after), status: Some(status.as_u16()), answer }
            }
            Err(error) => {
                let answer = scrub(&reason(error), post.url, &post.secrets);
                Outcome { verdict: Verdict::Retry { not_before: None }, status: None, answer }
            }
        }
    }
}

fn client(allow_private: bool) -> Client {
    Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        // A proxy would resolve names itself, past our guard.
        .no_proxy()
        .dns_resolver(GuardedResolver { allow_private })
        .user_agent(concat!("lakewarden/", env!("CARGO_PKG_VERSION")))
        .build()
        .expect("a client with a timeout and a resolver needs nothing of the machine but its certificates")
}

/// Resolves names and drops the addresses nothing may be sent to: checked where the connection is made, so that a name
/// cannot change its meaning between check and use.
#[derive(Debug, Clone, Copy)]
struct GuardedResolver {
    allow_private: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let admitted: Vec<SocketAddr> =
                found.into_iter().filter(|address| !is_refused(address.ip(), allow_private)).collect();
            if admitted.is_empty() {
                return Err("the host has no address that may be sent to (allow_private admits private ones)".into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// Addresses written as numbers never reach the resolver.
fn refusal(url: &Url, allow_private: bool) -> Option<String> {
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = host.parse().ok()?;
    is_refused(ip, allow_private)
        .then(|| format!("refused to send to {ip}: link-local addresses never, private ones only with allow_private"))
}

fn judge(status: StatusCode, not_before: Option<DateTime<Utc>>) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Delivered,
        408 | 425 | 429 | 500..=599 => Verdict::Retry { not_before },
        _ => Verdict::Dead,
    }
}

/// Seconds or a date.
fn retry_after(headers: &header::HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let at = match value.parse::<u32>() {
        Ok(seconds) => now + TimeDelta::seconds(seconds.into()),
        Err(_) => DateTime::parse_from_rfc2822(value).ok()?.with_timezone(&Utc),
    };
    Some(at.clamp(now, now + RETRY_AFTER_CAP))
}

async fn read_beginning(mut response: reqwest::Response) -> String {
    let mut body = Vec::new();
    while body.len() < ANSWER_READ_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_READ_BYTES - body.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// Why there was no answer, without the address reqwest would put into it.
fn reason(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    let error = error.without_url();
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    if error.is_connect() { format!("could not connect: {deepest}") } else { format!("the request failed: {deepest}") }
}

fn scrub(text: &str, url: &Url, secrets: &[String]) -> String {
    let mut text: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    let beyond_host = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let own = [
        url.as_str(),
        beyond_host.as_str(),
        url.path(),
        url.query().unwrap_or_default(),
        url.password().unwrap_or_default(),
    ];
    // Shorter pieces ("/", "/in") are no secrets, and blanking them out would spoil the answer.
    for secret in own.into_iter().chain(secrets.iter().map(String::as_str)).filter(|secret| secret.len() >= 8) {
        text = text.replace(secret, "[secret]");
    }
    let text = text.trim();
    match text.char_indices().nth(ANSWER_KEPT - 1) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).unwrap()
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_will_not_is_dead() {
        let verdict = |status: u16| judge(StatusCode::from_u16(status).unwrap(), None);
        for status in [200, 201, 204] {
            assert_eq!(verdict(status), Verdict::Delivered, "{status}");
        }
        for status in [408, 429, 500, 502, 503] {
            assert_eq!(verdict(status), Verdict::Retry { not_before: None }, "{status}");
        }
        for status in [301, 302, 400, 403, 404, 410, 413] {
            assert_eq!(verdict(status), Verdict::Dead, "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date_and_is_capped() {
        let after = |value: &str| {
            let headers = header::HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            retry_after(&headers, noon())
        };
        assert_eq!(after("30"), Some(noon() + TimeDelta::seconds(30)));
        assert_eq!(after("Sun, 22 Nov 2026 12:05:00 GMT"), Some(noon() + TimeDelta::minutes(5)));
        assert_eq!(after("999999999"), Some(noon() + RETRY_AFTER_CAP));
        assert_eq!(after("Sun, 22 Nov 2020 12:05:00 GMT"), Some(noon()), "not in the past");
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn an_answer_that_repeats_the_address_or_the_secret_is_scrubbed_and_cut() {
        let url = Url::parse("https://hooks.example/services/T000/B000/tok3n?key=abcdefgh").unwrap();
        let answer = scrub(
            &format!("bad {url} /services/T000/B000/tok3n key=abcdefgh hush-hush\0\n{}", "x".repeat(900)),
            &url,
            &["hush-hush".to_owned()],
        );
        assert!(answer.starts_with("bad [secret] [secret] [secret] [secret]"), "{answer}");
        assert_eq!(answer.chars().count(), ANSWER_KEPT);
    }

    #[tokio::test]
    async fn a_refused_address_is_never_connected_to() {
        let sender = Sender::new();
        for (url, allow_private) in [
            ("http://169.254.169.254/latest/meta-data", true),
            ("http://127.0.0.1:9/x", false),
            ("http://[::1]:9/x", false),
        ] {
            let url = Url::parse(url).unwrap();
            let post = Post { url: &url, allow_private, headers: vec![], body: vec![], secrets: vec![] };
            let outcome = sender.send(post, noon()).await;
            assert_eq!((outcome.verdict, outcome.status), (Verdict::Dead, None), "{}", outcome.answer);
        }
        let url = Url::parse("http://localhost:9/x").unwrap();
        let post = Post { url: &url, allow_private: false, headers: vec![], body: vec![], secrets: vec![] };
        let outcome = sender.send(post, noon()).await;
        assert!(outcome.answer.contains("no address that may be sent to"), "{}", outcome.answer);
    }
}
