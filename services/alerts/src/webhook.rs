//! A message as JSON for any receiver, signed after Standard Webhooks so that it can tell us from others.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::message::{Message, Story};

pub(crate) fn render(message: &Message) -> Value {
    json!({
        "type": if message.is_over() { "findings.resolved" } else { "findings.changed" },
        "timestamp": message.since,
        "data": {
            "headline": message.headline(),
            "url": message.link(),
            "total": message.total,
            "resolved": message.resolved,
            "blast_radius": message.radius,
            "findings": message.stories.iter().map(|story| finding(message, story)).collect::<Vec<_>>(),
        },
    })
}

fn finding(message: &Message, story: &Story) -> Value {
    let notice = &story.notice;
    json!({
        "id": notice.finding,
        "fingerprint": notice.fingerprint,
        "url": format!("{}/findings/{}", message.base_url, notice.finding),
        "event": notice.event,
        "first_told": story.is_news,
        "policy": { "id": notice.policy_id, "title": notice.policy_title, "kind": notice.kind },
        "severity": notice.severity,
        "plane": notice.plane,
        "title": notice.title,
        "subject": notice.subject,
        "owner": message.names.owner(notice.tenant),
        "actor": notice.actor.map(|actor| message.names.owner(Some(actor))),
        "asset": notice.asset,
        "path": notice.path,
        "count": notice.count,
        "first_seen": notice.first_seen,
        "last_seen": notice.last_seen,
        "evidence": notice.evidence,
        "remediation": notice.remediation,
        "note": notice.note,
    })
}

/// The `webhook-signature` header. A secret is `whsec_` and base64; any other text is taken as it is.
pub(crate) fn sign(secret: &str, id: &str, at: DateTime<Utc>, body: &[u8]) -> String {
    let key = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = key.unwrap_or_else(|| secret.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{}.", at.timestamp()).as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_standards_example() {
        let at = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let signature = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
