//! A batch of breaches made ready for Postgres: one entry for each fingerprint, nothing that a text column refuses.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::{Breach, Evidence, FindingsError, Fingerprint, PolicyInfo, Registry, fingerprint};

/// How much evidence a finding keeps: the newest.
pub(crate) const EVIDENCE_KEPT: usize = 20;
const TEXT_LIMIT: usize = 2_000;
/// A record larger than this is kept as its hash and its beginning; the source still has it whole.
const RECORD_LIMIT_BYTES: usize = 64 * 1024;

/// All of a batch's breaches of one finding.
#[derive(Debug)]
pub(crate) struct Entry {
    pub policy: Arc<PolicyInfo>,
    pub breach: Breach,
}

/// Merges by fingerprint, in its order, so that two batches lock the same findings in the same order.
pub(crate) fn merge(registry: &Registry, breaches: &[Breach]) -> Result<BTreeMap<Fingerprint, Entry>, FindingsError> {
    let mut entries: BTreeMap<Fingerprint, Entry> = BTreeMap::new();
    for breach in breaches {
        let policy =
            registry.find(&breach.policy_id).ok_or_else(|| FindingsError::UnknownPolicy(breach.policy_id.clone()))?;
        match entries.entry(fingerprint(breach)) {
            std::collections::btree_map::Entry::Vacant(vacant) => {
                vacant.insert(Entry { policy: Arc::clone(policy), breach: breach.clone() });
            }
            std::collections::btree_map::Entry::Occupied(mut occupied) => occupied.get_mut().absorb(breach),
        }
    }
    for entry in entries.values_mut() {
        entry.make_storable();
    }
    Ok(entries)
}

impl Entry {
    fn absorb(&mut self, other: &Breach) {
        let breach = &mut self.breach;
        breach.count = breach.count.saturating_add(other.count);
        if other.window.to >= breach.window.to {
            breach.title.clone_from(&other.title);
            breach.actor = other.actor.or(breach.actor);
        }
        if breach.path.is_empty() {
            breach.path.clone_from(&other.path);
        }
        breach.window = breach.window.cover(other.window);
        breach.evidence.extend(other.evidence.iter().cloned());
    }

    fn make_storable(&mut self) {
        let breach = &mut self.breach;
        breach.count = breach.count.max(0);
        for text in
            [&mut breach.subject, &mut breach.title].into_iter().chain(&mut breach.asset).chain(&mut breach.path)
        {
            make_text_storable(text);
        }
        breach.evidence.sort_by_key(|evidence| std::cmp::Reverse(evidence.occurred_at));
        breach.evidence.dedup_by(|a, b| a.hash == b.hash && a.reference == b.reference);
        breach.evidence.truncate(EVIDENCE_KEPT);
        for evidence in &mut breach.evidence {
            evidence.make_storable();
        }
    }
}

impl Evidence {
    fn make_storable(&mut self) {
        for text in [&mut self.source, &mut self.reference, &mut self.summary] {
            make_text_storable(text);
        }
        let size = serde_json::to_string(&self.record).map_or(0, |text| text.len());
        if size > RECORD_LIMIT_BYTES {
            let beginning: String = self.record.to_string().chars().take(TEXT_LIMIT).collect();
            self.record =
                serde_json::json!({ "not_kept": format!("a record of {size} bytes"), "beginning": beginning });
        }
        make_json_storable(&mut self.record);
    }
}

/// Postgres has no NUL in text; a page has no use for a novel.
fn make_text_storable(text: &mut String) {
    if let Cow::Owned(clean) = without_nul(text) {
        *text = clean;
    }
    if let Some((end, _)) = text.char_indices().nth(TEXT_LIMIT) {
        text.truncate(end);
        text.push('…');
    }
}

fn make_json_storable(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(clean) = without_nul(text) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_json_storable),
        Value::Object(fields) => {
            if fields.keys().any(|key| key.contains('\0')) {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(key, value)| (without_nul(&key).into_owned(), value))
                    .collect();
            }
            fields.values_mut().for_each(make_json_storable);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use lakewarden_core::{Sha256, TenantId, TimeWindow};
    use lakewarden_tenancy::Owner;

    use super::*;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).unwrap()
    }

    fn breach(minute: i64) -> Breach {
        let at = noon() + TimeDelta::minutes(minute);
        Breach {
            policy_id: crate::UNOWNED_ASSET.into(),
            subject: "s3://mystery/".into(),
            title: format!("seen in minute {minute}"),
            owner: Owner::Tenant(TenantId(1)),
            actor: None,
            plane: None,
            asset: None,
            window: TimeWindow::at(at),
            count: 1,
            path: vec![],
            evidence: vec![Evidence {
                source: "trail\0".into(),
                reference: format!("event-{minute}"),
                hash: Sha256::of(minute.to_string()),
                occurred_at: at,
                summary: "x".repeat(5_000),
                record: serde_json::json!({ "a\0": ["b\0", { "c": "\0" }] }),
            }],
        }
    }

    #[test]
    fn breaches_of_one_subject_become_one_entry_that_keeps_the_newest_evidence() {
        let registry = Registry::new(crate::service_policies()).unwrap();
        let breaches: Vec<_> = (0..50).rev().map(breach).collect();
        let entries = merge(&registry, &breaches).unwrap();
        assert_eq!(entries.len(), 1);
        let merged = &entries.values().next().unwrap().breach;
        assert_eq!((merged.count, merged.title.as_str()), (50, "seen in minute 49"));
        assert_eq!(merged.window, TimeWindow { from: noon(), to: noon() + TimeDelta::minutes(49) });
        assert_eq!(merged.evidence.len(), EVIDENCE_KEPT);
        assert_eq!(merged.evidence[0].reference, "event-49");
    }

    #[test]
    fn nothing_that_postgres_refuses_gets_through() {
        let registry = Registry::new(crate::service_policies()).unwrap();
        let entries = merge(&registry, &[breach(1)]).unwrap();
        let evidence = &entries.values().next().unwrap().breach.evidence[0];
        assert!(!evidence.record.to_string().contains("\\u0000") && !evidence.source.contains('\0'));
        assert_eq!(evidence.summary.chars().count(), TEXT_LIMIT + 1);
        let mut huge = breach(1);
        huge.evidence[0].record = serde_json::json!("y".repeat(RECORD_LIMIT_BYTES + 1));
        let entries = merge(&registry, &[huge]).unwrap();
        assert!(entries.values().next().unwrap().breach.evidence[0].record["not_kept"].is_string());
    }

    #[test]
    fn a_policy_nobody_registered_is_an_error() {
        let unknown = Breach { policy_id: "made-up".into(), ..breach(1) };
        assert!(
            matches!(merge(&Registry::default(), &[unknown]), Err(FindingsError::UnknownPolicy(id)) if id == "made-up")
        );
    }
}
