//! Tests that stand beside the policies, in `policies/isolation/tests/*.toml`: a fact in words, and the policies it breaches.

use lakewarden_core::{Layer, LoadError, TenantId};
use lakewarden_tenancy::{Owner, Tenant};
use serde::Deserialize;

use crate::facts::*;
use crate::judge::decide;
use crate::pack::Pack;

/// A file of cases. Tenants are declared in the file, so that it does not depend on the ones in force.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    #[serde(rename = "tenant", default)]
    tenants: Vec<CaseTenant>,
    #[serde(rename = "case", default)]
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseTenant {
    slug: String,
    #[serde(default)]
    legal_hold: bool,
    #[serde(default)]
    offboarded: bool,
}

/// One fact and what it must breach: exactly these policies, no more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// `read`, `list`, `write`, `delete`, `vend`, `decrypt`, `query`, `assume`, `change_control`, `flow`, `grant`, `exist`
    action: String,
    /// A tenant's slug, `platform` or `unowned`.
    #[serde(default)]
    principal: Option<String>,
    #[serde(default = "role")]
    kind: String,
    #[serde(default = "own")]
    account: String,
    #[serde(default)]
    long_lived_key: bool,
    asset: String,
    #[serde(default)]
    layer: Option<Layer>,
    #[serde(default)]
    shared_with: Vec<String>,
    /// Names of flags that are set: `denied`, `no_tls`, `presigned`, `grantable`, `masked`, `untagged`, …
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    output_owner: Option<String>,
    #[serde(default)]
    workgroup_owner: Option<String>,
    #[serde(default)]
    tag_tenant: Option<String>,
    #[serde(default)]
    tag_tenants: Vec<String>,
    #[serde(default)]
    location_owner: Option<String>,
    #[serde(default)]
    database_owner: Option<String>,
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    permission: Option<String>,
    #[serde(default = "one_hop")]
    hops: u16,
    breaches: Vec<String>,
}

fn role() -> String {
    "role".to_owned()
}

fn own() -> String {
    "own".to_owned()
}

fn one_hop() -> u16 {
    1
}

const FLAGS: &[&str] = &[
    "denied",
    "no_tls",
    "signature_v2",
    "presigned",
    "cross_account",
    "via_lake_formation",
    "aggregated",
    "masked",
    "iam_allowed_principals",
    "grantable",
    "wildcard",
    "via_tag",
    "tagged",
    "untagged",
    "registered",
    "unregistered",
    "encrypted",
    "unencrypted",
];

/// How many cases of a file hold, and what each of the others said instead.
#[derive(Debug, Default)]
pub struct CaseReport {
    pub passed: usize,
    pub failures: Vec<String>,
    /// Policies that some case breaches: a policy without one is untested.
    pub breached: Vec<String>,
}

/// Runs a file of cases against a pack.
pub fn run_cases(pack: &Pack, file: &str, text: &str) -> Result<CaseReport, LoadError> {
    let refuse = |line, message| LoadError { file: file.to_owned(), line, message };
    let cases: CaseFile = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        refuse(line, error.message().to_owned())
    })?;
    let tenants: Vec<Tenant> = cases.tenants.iter().zip(1..).map(|(tenant, id)| tenant.to_tenant(id)).collect();
    let find = |id: TenantId| tenants.iter().find(|tenant| tenant.id == id);
    let mut report = CaseReport::default();
    for case in &cases.cases {
        let fact =
            case.to_fact(&tenants).map_err(|message| refuse(None, format!("case `{}`: {message}", case.name)))?;
        let verdict = decide(pack, &find, &fact);
        let mut breached: Vec<String> = verdict.breached.iter().map(|policy| policy.id.clone()).collect();
        breached.sort();
        let mut expected = case.breaches.clone();
        expected.sort();
        if breached == expected && verdict.errors.is_empty() {
            report.passed += 1;
        } else {
            let errors = verdict.errors.join("; ");
            report.failures.push(format!("{}: expected {expected:?}, got {breached:?} {errors}", case.name));
        }
        report.breached.extend(breached);
    }
    report.breached.sort();
    report.breached.dedup();
    Ok(report)
}

impl CaseTenant {
    fn to_tenant(&self, id: i32) -> Tenant {
        Tenant {
            id: TenantId(id),
            slug: self.slug.clone(),
            name: self.slug.clone(),
            aliases: Vec::new(),
            contact: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            classification: None,
            legal_hold: self.legal_hold,
            offboarded: self.offboarded,
        }
    }
}

impl Case {
    fn to_fact(&self, tenants: &[Tenant]) -> Result<Fact, String> {
        if let Some(unknown) = self.flags.iter().find(|flag| !FLAGS.contains(&flag.as_str())) {
            return Err(format!("unknown flag `{unknown}`; known are {}", FLAGS.join(", ")));
        }
        let names = Names(tenants);
        let asset = AssetFacts {
            owner: names.owner(&self.asset)?,
            layer: self.layer,
            shared_with: names.tenants(&self.shared_with)?,
        };
        let principal = || -> Result<PrincipalFacts, String> {
            Ok(PrincipalFacts {
                owner: names.owner(self.principal.as_deref().ok_or("a principal is needed")?)?,
                kind: word(PrincipalKind::ALL, PrincipalKind::as_str, &self.kind)?,
                account: word(AccountTrust::ALL, AccountTrust::as_str, &self.account)?,
                long_lived_key: self.long_lived_key,
            })
        };
        match self.action.as_str() {
            "flow" => Ok(Fact::Flow(FlowFact {
                from: AssetFacts::owned_by(names.owner(self.principal.as_deref().ok_or("a principal is needed")?)?),
                to: asset,
                hops: self.hops,
                aggregated: self.has("aggregated"),
                masked: self.has("masked"),
            })),
            "grant" => Ok(Fact::Grant(GrantFact {
                principal: principal()?,
                asset,
                permission: self.permission.clone().unwrap_or_else(|| "SELECT".to_owned()),
                iam_allowed_principals: self.has("iam_allowed_principals"),
                grantable: self.has("grantable"),
                wildcard: self.has("wildcard"),
                via_tag: self.has("via_tag"),
                tag_tenants: names.tenants(&self.tag_tenants)?,
            })),
            "exist" => Ok(Fact::Posture(PostureFact {
                location_owner: names.tenant(self.location_owner.as_deref())?,
                database_owner: names.tenant(self.database_owner.as_deref())?,
                tag_owner: names.tenant(self.tag_tenant.as_deref())?,
                tagged: self.either("tagged", "untagged"),
                registered: self.either("registered", "unregistered"),
                encrypted: self.either("encrypted", "unencrypted"),
                ..PostureFact::of(AssetKind::Table, asset)
            })),
            _ => Ok(Fact::Access(AccessFact { principal: principal()?, action: self.access_action(&names)?, asset })),
        }
    }

    fn access_action(&self, names: &Names<'_>) -> Result<AccessAction, String> {
        let data = DataContext {
            denied: self.has("denied"),
            tls: !self.has("no_tls"),
            signature_v2: self.has("signature_v2"),
            presigned: self.has("presigned"),
            cross_account: self.has("cross_account"),
            via_lake_formation: self.has("via_lake_formation"),
        };
        Ok(match self.action.as_str() {
            "read" => AccessAction::Read(data),
            "list" => AccessAction::List(data),
            "write" => AccessAction::Write(data),
            "delete" => AccessAction::Delete(data),
            "vend" => AccessAction::Vend(data),
            "decrypt" => AccessAction::Decrypt(data),
            "query" => AccessAction::Query {
                denied: data.denied,
                output_owner: names.tenant(self.output_owner.as_deref())?,
                workgroup_owner: names.tenant(self.workgroup_owner.as_deref())?,
            },
            "assume" => {
                AccessAction::Assume { denied: data.denied, tag_tenant: names.tenant(self.tag_tenant.as_deref())? }
            }
            "change_control" => AccessAction::ChangeControl {
                denied: data.denied,
                event: self.event.clone().ok_or("change_control needs an event")?,
            },
            other => return Err(format!("unknown action `{other}`")),
        })
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|set| set == flag)
    }

    fn either(&self, yes: &str, no: &str) -> Option<bool> {
        if self.has(yes) { Some(true) } else { self.has(no).then_some(false) }
    }
}

fn word<T: Copy>(all: &[T], name: fn(T) -> &'static str, wanted: &str) -> Result<T, String> {
    all.iter().copied().find(|value| name(*value) == wanted).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|value| name(*value)).collect();
        format!("`{wanted}` is not one of {}", known.join(", "))
    })
}

/// Tenants by the names a case uses.
struct Names<'a>(&'a [Tenant]);

impl Names<'_> {
    fn owner(&self, name: &str) -> Result<Owner, String> {
        match name {
            "platform" => Ok(Owner::Platform),
            "unowned" => Ok(Owner::Unowned),
            slug => self.find(slug).map(Owner::Tenant),
        }
    }

    fn tenant(&self, name: Option<&str>) -> Result<Option<TenantId>, String> {
        name.map(|slug| self.find(slug)).transpose()
    }

    fn tenants(&self, names: &[String]) -> Result<Vec<TenantId>, String> {
        let mut ids = names.iter().map(|slug| self.find(slug)).collect::<Result<Vec<_>, _>>()?;
        ids.sort_unstable();
        Ok(ids)
    }

    fn find(&self, slug: &str) -> Result<TenantId, String> {
        self.0
            .iter()
            .find(|tenant| tenant.slug == slug)
            .map(|tenant| tenant.id)
            .ok_or_else(|| format!("no [[tenant]] of this file has the slug `{slug}`"))
    }
}
