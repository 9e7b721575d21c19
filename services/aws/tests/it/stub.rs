//! A server that speaks enough of AWS's JSON protocols to page, throttle and break on purpose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// What the next call of an operation gets.
#[derive(Debug, Clone)]
pub enum Reply {
    Json(Value),
    Throttled,
    Html,
}

type Script = HashMap<String, Vec<Reply>>;

/// Answers each operation by its script, in order; the last reply is repeated.
#[derive(Clone, Default)]
pub struct Stub {
    script: Arc<Mutex<Script>>,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Stub {
    pub fn on(self, operation: &str, replies: Vec<Reply>) -> Self {
        self.script.lock().unwrap().insert(operation.to_owned(), replies);
        self
    }

    /// Replaces a script while the server runs.
    pub fn now(&self, operation: &str, replies: Vec<Reply>) {
        self.script.lock().unwrap().insert(operation.to_owned(), replies);
    }

    /// Bodies that an operation was called with.
    pub fn calls(&self, operation: &str) -> Vec<Value> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(name, _)| name == operation).map(|(_, body)| body.clone()).collect()
    }

    pub async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }
}

async fn answer(State(stub): State<Stub>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    // awsJson names the operation in a header, restJson in the path.
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let operation = target.map_or_else(
        || uri.path().trim_start_matches('/').to_owned(),
        |target| target.rsplit('.').next().unwrap_or_default().to_owned(),
    );
    stub.calls.lock().unwrap().push((operation.clone(), serde_json::from_slice(&body).unwrap_or(Value::Null)));
    let reply = {
        let mut script = stub.script.lock().unwrap();
        match script.get_mut(&operation) {
            None => Reply::Html,
            Some(replies) if replies.len() > 1 => replies.remove(0),
            Some(replies) => replies[0].clone(),
        }
    };
    let json_type = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    match reply {
        Reply::Json(body) => (json_type, body.to_string()).into_response(),
        Reply::Throttled => {
            let body = json!({"__type": "ThrottlingException", "message": "Rate exceeded"}).to_string();
            let headers = [
                (header::CONTENT_TYPE, "application/x-amz-json-1.1"),
                ("x-amzn-errortype".parse().unwrap(), "ThrottlingException"),
            ];
            (StatusCode::BAD_REQUEST, headers, body).into_response()
        }
        Reply::Html => {
            let headers = [(header::CONTENT_TYPE, "text/html")];
            (StatusCode::INTERNAL_SERVER_ERROR, headers, "<html><h1>Internal Server Error</h1></html>").into_response()
        }
    }
}
