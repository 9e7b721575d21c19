//! A message as Slack Block Kit: pure, and inside Slack's limits whatever the finding says.

use lakewarden_core::Severity;
use serde_json::{Value, json};

use crate::message::{Message, STORIES, severity_word};
use crate::{Notice, Radius};

/// Slack: a header's text.
const HEADER_LIMIT: usize = 150;
/// Slack: a section's text is 3,000 and a field's 2,000; ours are shorter, so that a message stays readable and all blocks
/// together stay below 12,000.
const SECTION_LIMIT: usize = 1_800;
const FIELD_LIMIT: usize = 300;
const SHORT_SECTION_LIMIT: usize = 900;
const NAMES_SHOWN: usize = 5;

/// The body of a post to an incoming webhook.
pub(crate) fn render(message: &Message) -> Value {
    let mut blocks = vec![header(message)];
    if message.total == 1 {
        one_finding(message, &mut blocks);
    } else {
        many_findings(message, &mut blocks);
    }
    blocks.push(json!({ "type": "actions", "elements": [{
        "type": "button",
        "style": if message.is_over() { "primary" } else { "danger" },
        "text": { "type": "plain_text", "text": if message.total == 1 { "Open the finding" } else { "Open the findings" } },
        "url": message.link(),
    }] }));
    blocks.push(context(message));
    json!({ "text": plain_text(message), "unfurl_links": false, "unfurl_media": false, "blocks": blocks })
}

/// What a notification on a phone shows, where blocks are not.
fn plain_text(message: &Message) -> String {
    let worst = &message.worst().notice;
    let whose = message.names.owner(worst.tenant);
    escaped(&format!("{} ({whose}) {}", message.headline(), message.link()), SECTION_LIMIT)
}

fn header(message: &Message) -> Value {
    let sign = if message.is_over() { "✅" } else { sign(message.worst().notice.severity) };
    // Plain text: Slack escapes it itself.
    let text = cut(&format!("{sign} {}", message.headline()), HEADER_LIMIT);
    json!({ "type": "header", "text": { "type": "plain_text", "text": text, "emoji": true } })
}

fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🔴",
        Severity::High => "🟠",
        Severity::Medium => "🟡",
        Severity::Low => "🔵",
        Severity::Info => "⚪",
    }
}

fn one_finding(message: &Message, blocks: &mut Vec<Value>) {
    let story = message.worst();
    let notice = &story.notice;
    let mut fields =
        vec![field("Severity", severity_word(notice.severity)), field("Data of", &message.names.owner(notice.tenant))];
    fields.extend(notice.actor.map(|actor| field("Touched by", &message.names.owner(Some(actor)))));
    fields.extend(notice.plane.map(|plane| field("Plane", plane.as_str())));
    fields.push(field("Policy", &notice.policy_id));
    fields.push(field("Seen", &seen(notice)));
    fields.push(field("State", story.event_words()));
    blocks.push(json!({ "type": "section", "fields": fields }));
    if let Some(asset) = &notice.asset {
        blocks.push(section(&format!("*Asset:* {}", escaped(asset, FIELD_LIMIT))));
    }
    if !notice.path.is_empty() {
        let path = notice.path.iter().map(|node| escaped(node, FIELD_LIMIT)).collect::<Vec<_>>().join(" → ");
        blocks.push(section(&format!("*Path:* {}", cut_escaped(&path, SHORT_SECTION_LIMIT))));
    }
    if !notice.evidence.is_empty() {
        let lines: Vec<String> =
            notice.evidence.iter().take(3).map(|line| format!("• {}", escaped(line, FIELD_LIMIT))).collect();
        blocks.push(section(&format!("*Evidence*\n{}", lines.join("\n"))));
    }
    blocks.extend(radius(message.radius.as_ref()));
    if story.is_resolved() {
        let why = notice.note.as_deref().unwrap_or("no reason was given");
        blocks.push(section(&format!("*Resolved:* {}", escaped(why, SHORT_SECTION_LIMIT))));
    } else if !notice.remediation.is_empty() {
        blocks.push(section(&format!("*What to do:* {}", escaped(&notice.remediation, SHORT_SECTION_LIMIT))));
    }
}

fn many_findings(message: &Message, blocks: &mut Vec<Value>) {
    let worst = &message.worst().notice;
    let open = message.total - message.resolved;
    let mut fields = vec![field("Open", &open.to_string()), field("Resolved", &message.resolved.to_string())];
    if message.of_one_policy() {
        fields.push(field("Policy", &worst.policy_id));
        fields.push(field("Data of", &message.names.owner(worst.tenant)));
    }
    blocks.push(json!({ "type": "section", "fields": fields }));
    let mut lines: Vec<String> = message
        .stories
        .iter()
        .map(|story| {
            let notice = &story.notice;
            let link = format!("{}/findings/{}", message.base_url, notice.finding);
            let state = if story.is_resolved() { "✅" } else { sign(notice.severity) };
            format!("{state} <{link}|{}> {}, {}", escaped(&notice.title, 110), story.event_words(), times(notice.count))
        })
        .collect();
    if message.total > STORIES {
        lines.push(format!("… and {} more", message.total - STORIES));
    }
    // One section for every five, so that none grows past its limit by long links.
    blocks.extend(lines.chunks(5).map(|lines| section(&lines.join("\n"))));
    blocks.extend(radius(message.radius.as_ref()));
    if message.of_one_policy() && !message.is_over() && !worst.remediation.is_empty() {
        blocks.push(section(&format!("*What to do:* {}", escaped(&worst.remediation, SHORT_SECTION_LIMIT))));
    }
}

fn radius(radius: Option<&Radius>) -> Option<Value> {
    let radius = radius?;
    if radius.datasets.is_empty() && radius.jobs == 0 {
        return Some(section("*Downstream:* nothing in the recorded lineage"));
    }
    let more_than = if radius.truncated { "more than " } else { "" };
    let datasets = counted(radius.datasets.len() as i64, "dataset");
    let mut lines = vec![format!("*Downstream:* {more_than}{datasets}, {}", counted(radius.jobs, "job"))];
    for (label, names) in [("datasets", &radius.datasets), ("tenants", &radius.tenants), ("owners", &radius.owners)] {
        if !names.is_empty() {
            lines.push(format!("{label}: {}", listed(names)));
        }
    }
    Some(section(&lines.join("\n")))
}

fn counted(count: i64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).map(|name| escaped(name, 120)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn context(message: &Message) -> Value {
    let mut parts = vec!["Lakewarden".to_owned(), format!("{} UTC", message.since.format("%Y-%m-%d %H:%M"))];
    if message.total == 1 {
        let fingerprint: String = message.worst().notice.fingerprint.chars().take(12).collect();
        parts.push(format!("fingerprint {fingerprint}"));
    }
    let late = (message.now - message.since).num_minutes();
    if late >= 5 {
        parts.push(format!("sent {late} minutes late, because the receiver could not be reached"));
    }
    json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": parts.join(" · ") }] })
}

fn seen(notice: &Notice) -> String {
    format!("{}, since {} UTC", times(notice.count), notice.first_seen.format("%Y-%m-%d %H:%M"))
}

fn times(count: i64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn field(label: &str, value: &str) -> Value {
    json!({ "type": "mrkdwn", "text": format!("*{label}*\n{}", escaped(value, FIELD_LIMIT)) })
}

/// `text` is mrkdwn already.
fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": cut_escaped(text, SECTION_LIMIT) } })
}

/// Escapes what Slack reads as control characters, and cuts at `limit` of the escaped text.
fn escaped(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for character in text.chars() {
        let mut buffer = [0; 4];
        let piece: &str = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '\n' | '\r' | '\0' => " ",
            other => other.encode_utf8(&mut buffer),
        };
        length += piece.chars().count();
        if length >= limit {
            out.push('…');
            break;
        }
        out.push_str(piece);
    }
    out
}

fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

/// Cuts escaped text at the last blank before the limit, so that no entity or link is torn apart.
fn cut_escaped(text: &str, limit: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(limit) else { return text.to_owned() };
    let end = text[..end].rfind(' ').unwrap_or(end);
    format!("{} …", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;
    use crate::message::Story;
    use crate::message::samples::{crossing, message};

    fn matches_snapshot(name: &str, value: &Value) {
        let path = format!("{}/tests/snapshots/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = serde_json::to_string_pretty(value).unwrap() + "\n";
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        // As values: the order of an object's keys says nothing and depends on what else is built.
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
        assert_eq!(kept, *value, "{name}: run again with UPDATE_SNAPSHOTS=1 if the change is meant");
    }

    fn story(notice: Notice) -> Story {
        Story { notice, is_news: true }
    }

    #[test]
    fn one_crossing_says_what_whose_and_what_to_do() {
        matches_snapshot("slack_one", &render(&message(vec![story(crossing())])));
    }

    #[test]
    fn a_burst_is_one_message_with_a_list() {
        let mut many = message((0..10).map(|_| story(crossing())).collect());
        many.total = 250;
        many.stories[3].notice.event = Event::Resolved;
        many.resolved = 1;
        matches_snapshot("slack_many", &render(&many));
    }

    #[test]
    fn a_late_message_about_something_resolved_says_so() {
        let over = Notice { event: Event::Resolved, note: Some("grant removed".into()), ..crossing() };
        let mut late = message(vec![story(over)]);
        late.now = late.since + chrono::TimeDelta::minutes(61);
        let text = render(&late).to_string();
        for words in ["Resolved: acme-etl", "resolved before this could be sent", "grant removed", "61 minutes late"] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn no_finding_can_break_slacks_limits() {
        let long = "<&>".repeat(20_000);
        let mut notice = crossing();
        (notice.title, notice.subject, notice.remediation) = (long.clone(), long.clone(), long.clone());
        (notice.policy_id, notice.policy_title, notice.asset) = (long.clone(), long.clone(), Some(long.clone()));
        (notice.evidence, notice.path) = (vec![long.clone(); 30], vec![long.clone(); 300]);
        for count in [1, 10] {
            let mut huge = message(vec![story(notice.clone()); count]);
            let radius = Radius {
                datasets: vec![long.clone(); 900],
                tenants: vec![long.clone(); 90],
                owners: vec![long.clone(); 90],
                ..Radius::default()
            };
            huge.radius = Some(radius);
            let body = render(&huge);
            let blocks = body["blocks"].as_array().unwrap();
            assert!(blocks.len() <= 50);
            let mut total = 0;
            for block in blocks {
                let texts = std::iter::once(&block["text"]).chain(block["fields"].as_array().into_iter().flatten());
                for text in texts.filter_map(|text| text["text"].as_str()) {
                    let length = text.chars().count();
                    total += length;
                    assert!(length <= if block["type"] == "header" { 150 } else { 3_000 }, "{length}");
                    let rest = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
                    assert!(block["type"] == "header" || !rest.contains('&'), "a torn entity in {text}");
                }
            }
            assert!(total < 12_000, "{total}");
        }
    }

    #[test]
    fn nothing_in_a_finding_can_ping_a_channel() {
        let text = render(&message(vec![story(crossing())])).to_string();
        assert!(!text.contains("<!channel>") && text.contains("&lt;!channel&gt; &amp; more"), "{text}");
    }
}
