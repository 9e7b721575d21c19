//! A stand-in for Slack: takes what the service sends to an incoming webhook, and shows it.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;

/// The newest messages; more would be unreadable anyway.
const KEPT: usize = 500;

/// Messages in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Received(Arc<Mutex<Vec<Value>>>);

impl Received {
    pub fn messages(&self) -> Vec<Value> {
        self.0.lock().expect("no holder of the messages panics").clone()
    }

    fn push(&self, message: Value) {
        let mut messages = self.0.lock().expect("no holder of the messages panics");
        if messages.len() == KEPT {
            messages.remove(0);
        }
        messages.push(message);
    }
}

/// `POST /slack` takes a message, `/` shows all of them, `/messages.json` has them as they came.
pub fn router(received: Received) -> Router {
    Router::new()
        .route("/slack", post(take_message))
        .route("/messages.json", get(list_messages))
        .route("/", get(show_messages))
        .with_state(received)
}

async fn take_message(State(received): State<Received>, Json(message): Json<Value>) -> &'static str {
    received.push(message);
    "ok"
}

async fn list_messages(State(received): State<Received>) -> Json<Vec<Value>> {
    Json(received.messages())
}

async fn show_messages(State(received): State<Received>) -> impl IntoResponse {
    let mut messages = received.messages();
    messages.reverse();
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Html(page(&messages)))
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=5>\
<meta name=viewport content='width=device-width,initial-scale=1'><title>Slack messages</title>\
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:46rem;padding:0 1rem;color:#1d1c1d;background:#fff}\
article{border:1px solid #ddd;border-radius:8px;padding:1rem 1.25rem;margin:1rem 0}h2{font-size:1.05rem;margin:0 0 .5rem}\
dl{display:grid;grid-template-columns:1fr 1fr;gap:.25rem 1rem;margin:.5rem 0}dl div{white-space:pre-line}p{white-space:pre-line;margin:.4rem 0}\
.context{color:#616061;font-size:.85rem}pre{overflow:auto;font-size:.75rem;background:#f6f6f6;padding:.75rem}\
a.button{display:inline-block;border:1px solid #bbb;border-radius:4px;padding:.15rem .7rem;text-decoration:none;color:inherit;font-weight:600}\
@media(prefers-color-scheme:dark){body{background:#1a1d21;color:#d1d2d3}article{border-color:#444}pre{background:#222529}.context{color:#ababad}a{color:#6cb5ff}}</style>";

fn page(messages: &[Value]) -> String {
    let mut html = HEAD.to_owned();
    write!(
        html,
        "<h1>{} Slack messages</h1><p class=context>What the service posted to its incoming webhook, newest first. \
        <a href=/messages.json>as JSON</a></p>",
        messages.len()
    )
    .expect("writing to a string cannot fail");
    if messages.is_empty() {
        html.push_str("<p>None yet. They arrive within seconds of a finding.</p>");
    }
    for message in messages {
        html.push_str("<article>");
        for block in message["blocks"].as_array().into_iter().flatten() {
            push_block(&mut html, block);
        }
        if !message["blocks"].is_array() {
            push_text(&mut html, "p", &message["text"]);
        }
        let raw = serde_json::to_string_pretty(message).unwrap_or_default();
        write!(html, "<details><summary class=context>raw</summary><pre>{}</pre></details></article>", escape(&raw))
            .expect("writing to a string cannot fail");
    }
    html
}

/// The blocks of Slack's Block Kit that alerts use.
fn push_block(html: &mut String, block: &Value) {
    match block["type"].as_str().unwrap_or_default() {
        "header" => push_text(html, "h2", &block["text"]["text"]),
        "divider" => html.push_str("<hr>"),
        "context" => {
            for element in block["elements"].as_array().into_iter().flatten() {
                push_text(html, "p class=context", &element["text"]);
            }
        }
        "actions" => {
            for element in block["elements"].as_array().into_iter().flatten() {
                let url = element["url"].as_str().unwrap_or_default();
                let label = element["text"]["text"].as_str().unwrap_or_default();
                write!(html, "<a class=button href=\"{}\">{}</a> ", escape(url), escape(label))
                    .expect("writing to a string cannot fail");
            }
        }
        _ => {
            push_text(html, "p", &block["text"]["text"]);
            if let Some(fields) = block["fields"].as_array() {
                html.push_str("<dl>");
                for field in fields {
                    push_text(html, "div", &field["text"]);
                }
                html.push_str("</dl>");
            }
        }
    }
}

fn push_text(html: &mut String, tag: &str, text: &Value) {
    if let Some(text) = text.as_str() {
        let end = tag.split(' ').next().unwrap_or(tag);
        write!(html, "<{tag}>{}</{end}>", mrkdwn(text)).expect("writing to a string cannot fail");
    }
}

/// Slack's markup as HTML: `*bold*`, `` `code` `` and `<url|text>`. Slack's own escapes (`&amp;` and its kin) stand as they are.
fn mrkdwn(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut rest = text;
    let mut open: Vec<(char, &str)> = Vec::new();
    while let Some(mark) = rest.find(['*', '`', '<', '"', '>']) {
        html.push_str(&rest[..mark]);
        let sign = rest[mark..].chars().next().unwrap_or(' ');
        rest = &rest[mark + 1..];
        match sign {
            '"' => html.push_str("&quot;"),
            '>' => html.push_str("&gt;"),
            '<' => match rest.split_once('>') {
                Some((link, after)) if link.starts_with("http") => {
                    let (url, label) = link.split_once('|').unwrap_or((link, link));
                    write!(html, "<a href=\"{}\">{}</a>", url.replace('"', "&quot;"), escape_unescaped(label))
                        .expect("writing to a string cannot fail");
                    rest = after;
                }
                _ => html.push_str("&lt;"),
            },
            sign => {
                let tag = if sign == '*' { "b" } else { "code" };
                if open.last() == Some(&(sign, tag)) {
                    open.pop();
                    write!(html, "</{tag}>").expect("writing to a string cannot fail");
                } else {
                    open.push((sign, tag));
                    write!(html, "<{tag}>").expect("writing to a string cannot fail");
                }
            }
        }
    }
    html.push_str(rest);
    open.iter().rev().for_each(|(_, tag)| write!(html, "</{tag}>").expect("writing to a string cannot fail"));
    html
}

fn escape(text: &str) -> String {
    escape_unescaped(&text.replace('&', "&amp;"))
}

fn escape_unescaped(text: &str) -> String {
    text.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_become_html_and_nothing_in_them_becomes_markup() {
        let message = json!({"blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Breach <script>alert(1)</script>"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "*acme* read `s3://x` &amp; <http://h/f/1|finding>"},
             "fields": [{"type": "mrkdwn", "text": "*Severity*\ncritical"}]},
            {"type": "actions", "elements": [{"type": "button", "text": {"text": "Open"}, "url": "http://h/\"onclick"}]},
        ]});
        let html = page(&[message]);
        assert!(!html.contains("<script>"), "{html}");
        assert!(
            html.contains("<b>acme</b> read <code>s3://x</code> &amp; <a href=\"http://h/f/1\">finding</a>"),
            "{html}"
        );
        assert!(html.contains("http://h/&quot;onclick"), "{html}");
    }

    #[test]
    fn a_mark_without_its_twin_is_closed_at_the_end() {
        assert_eq!(mrkdwn("a *b"), "a <b>b</b>");
    }
}
