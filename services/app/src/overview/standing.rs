//! How things stand, added up: by severity, by kind, by tenant, and in one sentence.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lakewarden_core::{Currency, Money, Plane, Severity, TenantId};
use lakewarden_findings::PolicyKind;
use lakewarden_http::show;
use lakewarden_tenancy::Ownership;
use sqlx::types::Decimal;

use super::store::{MonthCost, Tally};

/// Unresolved findings of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) findings: i64,
    pub(crate) worst: Severity,
    pub(crate) since: DateTime<Utc>,
}

impl Sum {
    fn of<'a>(tallies: impl Iterator<Item = &'a Tally>) -> Option<Self> {
        tallies.fold(None, |sum: Option<Self>, tally| {
            let Tally { findings, severity, since, .. } = *tally;
            Some(sum.map_or(Self { findings, worst: severity, since }, |sum| Self {
                findings: sum.findings + findings,
                worst: sum.worst.min(severity),
                since: sum.since.min(since),
            }))
        })
    }
}

/// A side from which the lake is watched.
#[derive(Debug, Clone)]
pub(crate) struct KindLine {
    pub(crate) label: &'static str,
    pub(crate) question: &'static str,
    pub(crate) href: String,
    pub(crate) sum: Option<Sum>,
}

pub(crate) fn by_kind(tallies: &[Tally]) -> Vec<KindLine> {
    let planes = [
        (Plane::Access, "Access", "Did anyone reach another's data?"),
        (Plane::Flow, "Flow", "Did data move to another?"),
        (Plane::Grant, "Grants", "Could anyone reach another's data?"),
        (Plane::Catalog, "Catalog", "Does anything lie where it should not?"),
    ];
    let isolation = planes.into_iter().map(|(plane, label, question)| KindLine {
        label,
        question,
        href: format!("/findings?kind=isolation&plane={plane}"),
        sum: Sum::of(tallies.iter().filter(|tally| tally.kind == PolicyKind::Isolation && tally.plane == Some(plane))),
    });
    let kinds = [
        (PolicyKind::Quality, "Quality", "Is the data right and fresh?", "/findings?kind=quality"),
        (PolicyKind::Cost, "Cost", "Is it paid for, and within budget?", "/findings?kind=cost"),
        (PolicyKind::Service, "The watcher", "Is everything observed and owned?", "/findings?kind=service"),
    ];
    let others = kinds.into_iter().map(|(kind, label, question, href)| KindLine {
        label,
        question,
        href: href.to_owned(),
        sum: Sum::of(tallies.iter().filter(|tally| tally.kind == kind)),
    });
    isolation.chain(others).collect()
}

/// One owner: a tenant, the platform, or nobody.
#[derive(Debug, Clone)]
pub(crate) struct OwnerLine {
    /// What `/findings?tenant=` takes.
    pub(crate) word: String,
    pub(crate) name: String,
    pub(crate) id: Option<TenantId>,
    pub(crate) sum: Option<Sum>,
    pub(crate) isolation: i64,
    pub(crate) quality: i64,
    pub(crate) cost: String,
}

/// Every tenant in force, then the platform and what nobody owns where there is anything to say; the worst first.
pub(crate) fn by_owner(tallies: &[Tally], costs: &[MonthCost], ownership: &Ownership) -> Vec<OwnerLine> {
    let line = |id: Option<TenantId>, word: &str, name: &str| {
        let own = || tallies.iter().filter(move |tally| tally.owner == id);
        let count = |kind| own().filter(|tally| tally.kind == kind).map(|tally| tally.findings).sum();
        OwnerLine {
            word: word.to_owned(),
            name: name.to_owned(),
            id,
            sum: Sum::of(own()),
            isolation: count(PolicyKind::Isolation),
            quality: count(PolicyKind::Quality),
            cost: amounts(costs.iter().filter(|cost| cost.payer == id)),
        }
    };
    let mut lines: Vec<OwnerLine> =
        ownership.tenants().iter().map(|tenant| line(Some(tenant.id), &tenant.slug, &tenant.name)).collect();
    lines.sort_by_key(|line| line.sum.map_or((true, Severity::Info, 0), |sum| (false, sum.worst, -sum.findings)));
    let others = [line(Some(TenantId::PLATFORM), "platform", "Platform"), line(None, "unowned", "Unowned")];
    lines.extend(others.into_iter().filter(|line| line.sum.is_some() || !line.cost.is_empty()));
    lines
}

/// `$1,204.50`; several currencies side by side, never added.
pub(crate) fn amounts<'a>(costs: impl Iterator<Item = &'a MonthCost>) -> String {
    let mut cents: BTreeMap<&str, i64> = BTreeMap::new();
    for cost in costs {
        *cents.entry(&cost.currency).or_default() += cost.cents;
    }
    let shown = cents.into_iter().filter_map(|(currency, cents)| {
        let currency = Currency::parse(currency).ok()?;
        Some(Money::new(Decimal::new(cents, 2), currency).to_string())
    });
    shown.collect::<Vec<_>>().join(" + ")
}

/// How the sources do, as far as anyone may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) sources: usize,
    /// Late, silent, or never heard of.
    pub(crate) missing: usize,
}

/// The page's first words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// `good`, `warning` or `bad`: the style sheet's words.
    pub(crate) tone: &'static str,
    pub(crate) title: String,
    pub(crate) text: String,
}

pub(crate) fn verdict(tallies: &[Tally], owners: &[OwnerLine], watch: Watch, now: DateTime<Utc>) -> Verdict {
    let unproven = match watch {
        Watch { sources: 0, .. } => "Nothing is observed yet, so nothing is proven.".to_owned(),
        Watch { missing: 0, .. } => String::new(),
        Watch { missing, sources } => {
            format!("{missing} of {sources} sources are late or silent: what they would have shown is not proven.")
        }
    };
    let Some(all) = Sum::of(tallies.iter()) else {
        let tone = if unproven.is_empty() { "good" } else { "warning" };
        let title =
            if watch.sources == 0 { "Nothing is observed yet" } else { "Nothing is wrong in what was observed" };
        let text =
            if unproven.is_empty() { "No policy is breached, and every source delivers.".to_owned() } else { unproven };
        return Verdict { tone, title: title.to_owned(), text };
    };
    let worst = tallies.iter().filter(|tally| tally.severity == all.worst).map(|tally| tally.findings).sum::<i64>();
    let title = format!(
        "{}, {worst} of them {}",
        show::plural(all.findings, "unresolved finding", "unresolved findings"),
        all.worst
    );
    let hit: Vec<&str> = owners.iter().filter(|owner| owner.sum.is_some()).map(|owner| owner.name.as_str()).collect();
    let mut text = format!("The oldest stands since {} ({}).", show::instant(all.since), show::ago(all.since, now));
    if hit.len() > 1 {
        let named = hit.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        let more = if hit.len() > 3 { format!(" and {} more", hit.len() - 3) } else { String::new() };
        text = format!("{text} Hit: {named}{more}.");
    }
    if !unproven.is_empty() {
        text = format!("{text} {unproven}");
    }
    let tone = if all.worst <= Severity::High { "bad" } else { "warning" };
    Verdict { tone, title, text }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).unwrap()
    }

    fn tally(owner: Option<i32>, kind: PolicyKind, severity: Severity, findings: i64, hours: i64) -> Tally {
        let plane = (kind == PolicyKind::Isolation).then_some(Plane::Access);
        Tally { owner: owner.map(TenantId), kind, plane, severity, findings, since: now() - TimeDelta::hours(hours) }
    }

    fn ownership() -> Ownership {
        let tenant = |slug: &str| format!("[[tenant]]\nslug = \"{slug}\"\nname = \"{}\"\n", slug.to_uppercase());
        Ownership::parse(&["acme", "globex", "initech"].map(tenant).concat()).unwrap()
    }

    const ALL_WELL: Watch = Watch { sources: 3, missing: 0 };

    #[test]
    fn the_worst_tenant_stands_first_and_nobodys_last() {
        let tallies = [
            tally(Some(2), PolicyKind::Quality, Severity::Medium, 5, 1),
            tally(Some(3), PolicyKind::Isolation, Severity::Critical, 1, 30),
            tally(None, PolicyKind::Service, Severity::High, 2, 2),
        ];
        let owners = by_owner(&tallies, &[], &ownership());
        let words: Vec<&str> = owners.iter().map(|owner| owner.word.as_str()).collect();
        assert_eq!(words, ["initech", "globex", "acme", "unowned"]);
        let verdict = verdict(&tallies, &owners, ALL_WELL, now());
        assert_eq!((verdict.tone, verdict.title.as_str()), ("bad", "8 unresolved findings, 1 of them critical"));
        assert!(verdict.text.contains("Hit: INITECH, GLOBEX, Unowned."), "{}", verdict.text);
    }

    #[test]
    fn nothing_found_is_not_a_pass_where_sources_are_silent() {
        for (watch, tone, text) in [
            (ALL_WELL, "good", "every source delivers"),
            (Watch { sources: 3, missing: 1 }, "warning", "1 of 3 sources are late or silent"),
            (Watch { sources: 0, missing: 0 }, "warning", "nothing is proven"),
        ] {
            let verdict = verdict(&[], &[], watch, now());
            assert!(verdict.tone == tone && verdict.text.contains(text), "{verdict:?}");
        }
    }

    #[test]
    fn sums_are_by_kind_and_plane() {
        let tallies = [
            tally(Some(1), PolicyKind::Isolation, Severity::High, 2, 1),
            tally(Some(2), PolicyKind::Isolation, Severity::Critical, 1, 5),
            tally(Some(2), PolicyKind::Cost, Severity::Low, 4, 1),
        ];
        let lines = by_kind(&tallies);
        let access = lines[0].sum.unwrap();
        assert_eq!((access.findings, access.worst, access.since), (3, Severity::Critical, now() - TimeDelta::hours(5)));
        assert!(lines[1].sum.is_none() && lines[5].sum.unwrap().findings == 4);
    }

    #[test]
    fn currencies_stand_side_by_side() {
        let cost = |currency: &str, cents| MonthCost {
            month: now().date_naive(),
            currency: currency.to_owned(),
            payer: None,
            cents,
        };
        let costs = [cost("USD", 120_450), cost("EUR", 100), cost("USD", 50)];
        assert_eq!(amounts(costs.iter()), "EUR 1.00 + $1,205.00");
        assert_eq!(amounts(std::iter::empty()), "");
    }
}
