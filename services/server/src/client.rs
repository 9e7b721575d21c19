//! A client of the service's own API: what the demo feeds through, and what `import --url` sends with.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use lakewarden_identity::ApiSecret;
use reqwest::{Response, StatusCode, header};
use serde_json::Value;

use crate::failure::Failure;

const TIMEOUT: Duration = Duration::from_mins(2);
/// A service under load answers 503; so does one whose Postgres restarts.
const ATTEMPTS: u32 = 8;

#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    token: ApiSecret,
}

/// What is posted, as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Body {
    bytes: Bytes,
    content_type: &'static str,
    is_gzip: bool,
    file_name: Option<String>,
}

impl Body {
    /// JSON or lines of JSON, packed here.
    pub fn json(text: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 6), Compression::fast());
        encoder.write_all(text).expect("writing to memory cannot fail");
        let bytes = encoder.finish().expect("writing to memory cannot fail").into();
        Self { bytes, content_type: "application/json", is_gzip: true, file_name: None }
    }

    /// A file as it is, with its name.
    pub fn file(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            content_type: "application/octet-stream",
            is_gzip: false,
            file_name: Some(name.into()),
        }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl Client {
    pub fn new(base_url: &str, token: ApiSecret) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| Failure::new(format!("cannot make an HTTP client: {error}")))?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned(), token })
    }

    /// Posts and waits for the commit; what is busy is asked again.
    pub async fn post(&self, path: &str, body: &Body) -> Result<Value, Failure> {
        let mut attempt = 1;
        loop {
            let answer = self.post_once(path, body).await?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer.json().await.unwrap_or(Value::Null));
            }
            if status != StatusCode::SERVICE_UNAVAILABLE || attempt == ATTEMPTS {
                let text = answer.text().await.unwrap_or_default();
                let detail = serde_json::from_str::<Value>(&text)
                    .ok()
                    .and_then(|problem| Some(problem.get("detail")?.as_str()?.to_owned()));
                return Err(Failure::new(format!(
                    "POST {path} was answered with {status}: {}",
                    detail.unwrap_or(text)
                )));
            }
            attempt += 1;
            tokio::time::sleep(retry_after(&answer)).await;
        }
    }

    pub async fn get(&self, path: &str) -> Result<Response, Failure> {
        let request = self.http.get(format!("{}{path}", self.base_url)).bearer_auth(self.token.reveal());
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    async fn post_once(&self, path: &str, body: &Body) -> Result<Response, Failure> {
        let mut request = self
            .http
            .post(format!("{}{path}", self.base_url))
            .bearer_auth(self.token.reveal())
            .header(header::CONTENT_TYPE, body.content_type)
            .body(body.bytes.clone());
        if body.is_gzip {
            request = request.header(header::CONTENT_ENCODING, "gzip");
        }
        if let Some(name) = &body.file_name {
            request = request.header("x-file-name", name);
        }
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        Failure::new(format!("{} did not answer: {error}", self.base_url))
    }
}

fn retry_after(answer: &Response) -> Duration {
    let seconds = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1u64).clamp(1, 30))
}
