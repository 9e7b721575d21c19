//! The judge: one verdict for each distinct fact, pack version and tenants version.
//!
//! A Cedar decision costs tens of microseconds and real records collapse into few classes, so verdicts are remembered by the
//! fact itself: it holds exactly what a policy may read.

use std::fmt;
use std::sync::{Arc, RwLock};

use cedar_policy::Authorizer;
use lakewarden_core::{Live, Sha256};
use lakewarden_findings::PolicyInfo;
use lakewarden_tenancy::Ownership;
use rustc_hash::FxHashMap;

use crate::facts::{AccessFact, Fact, FlowFact, GrantFact, PostureFact};
use crate::pack::Pack;
use crate::request::{FindTenant, Requests};

/// Distinct facts remembered at most; a lake has thousands, so reaching it means facts carry something they should not.
const REMEMBERED_AT_MOST: usize = 500_000;

/// What the policies say of a fact.
#[derive(Debug, Default, Clone)]
pub struct Verdict {
    /// Every policy breached, worst first.
    pub breached: Vec<Arc<PolicyInfo>>,
    /// Policies that could not be evaluated. Not a pass: the caller records them.
    pub errors: Vec<String>,
}

impl Verdict {
    pub fn is_clean(&self) -> bool {
        self.breached.is_empty() && self.errors.is_empty()
    }
}

/// Judges facts by the pack in force. Clones share one memory of verdicts.
#[derive(Clone)]
pub struct Judge {
    pack: Live<Pack>,
    ownership: Live<Ownership>,
    remembered: Arc<RwLock<Remembered>>,
}

#[derive(Default)]
struct Remembered {
    /// The pack and tenants the verdicts are of.
    epoch: Option<(Sha256, Sha256)>,
    verdicts: FxHashMap<Fact, Arc<Verdict>>,
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("pack", &self.pack.loaded().version).finish_non_exhaustive()
    }
}

impl Judge {
    pub fn new(pack: Live<Pack>, ownership: Live<Ownership>) -> Self {
        Self { pack, ownership, remembered: Arc::default() }
    }

    /// What verdicts depend on besides the fact; a slice that keeps verdicts judges again when this changes.
    pub fn epoch(&self) -> (Sha256, Sha256) {
        (self.pack.loaded().version, self.ownership.loaded().version)
    }

    pub fn access(&self, fact: AccessFact) -> Arc<Verdict> {
        self.judge(Fact::Access(fact))
    }

    pub fn flow(&self, fact: FlowFact) -> Arc<Verdict> {
        self.judge(Fact::Flow(fact))
    }

    pub fn grant(&self, fact: GrantFact) -> Arc<Verdict> {
        self.judge(Fact::Grant(fact))
    }

    pub fn posture(&self, fact: PostureFact) -> Arc<Verdict> {
        self.judge(Fact::Posture(fact))
    }

    pub fn judge(&self, fact: Fact) -> Arc<Verdict> {
        let (pack, ownership) = (self.pack.loaded(), self.ownership.loaded());
        let epoch = (pack.version, ownership.version);
        {
            let remembered = self.remembered.read().expect("no holder of the verdicts panics");
            let known = remembered.verdicts.get(&fact).filter(|_| remembered.epoch == Some(epoch));
            if let Some(verdict) = known {
                return Arc::clone(verdict);
            }
        }
        let verdict = Arc::new(decide(&pack.value, &|id| ownership.value.tenant(id), &fact));
        let mut remembered = self.remembered.write().expect("no holder of the verdicts panics");
        if remembered.epoch != Some(epoch) || remembered.verdicts.len() >= REMEMBERED_AT_MOST {
            *remembered = Remembered { epoch: Some(epoch), verdicts: FxHashMap::default() };
        }
        remembered.verdicts.insert(fact, Arc::clone(&verdict));
        verdict
    }
}

/// One decision, without memory.
pub(crate) fn decide(pack: &Pack, find_tenant: FindTenant<'_>, fact: &Fact) -> Verdict {
    let (request, entities) = match (Requests { pack, find_tenant }).build(fact) {
        Ok(built) => built,
        Err(error) => return Verdict { breached: Vec::new(), errors: vec![error.to_string()] },
    };
    let response = Authorizer::new().is_authorized(&request, &pack.policies, &entities);
    let mut breached: Vec<Arc<PolicyInfo>> =
        response.diagnostics().reason().filter_map(|id| pack.policy(id.as_ref())).map(Arc::clone).collect();
    breached.sort_by(|a, b| (a.severity, &a.id).cmp(&(b.severity, &b.id)));
    let errors = response.diagnostics().errors().map(ToString::to_string).collect();
    Verdict { breached, errors }
}
