//! From facts to Cedar requests: the only place that spells attribute names.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression};
use lakewarden_core::TenantId;
use lakewarden_tenancy::{Owner, Tenant};
use thiserror::Error;

use crate::facts::*;
use crate::pack::Pack;

/// A fact that could not be asked: a schema that lacks what we send, never a caller's input.
#[derive(Debug, Error)]
#[error("the fact does not fit the isolation schema: {0}")]
pub struct RequestError(String);

type Pairs = Vec<(&'static str, RestrictedExpression)>;

/// How a tenant is looked up: by the tenants in force, or by those a test case declares.
pub(crate) type FindTenant<'a> = &'a dyn Fn(TenantId) -> Option<&'a Tenant>;

/// Builds requests against one pack and one version of the tenants.
pub(crate) struct Requests<'p, 't> {
    pub pack: &'p Pack,
    pub find_tenant: FindTenant<'t>,
}

impl Requests<'_, '_> {
    pub fn build(&self, fact: &Fact) -> Result<(Request, Entities), RequestError> {
        let (principal, action, resource, context) = match fact {
            Fact::Access(fact) => {
                let (action, context) = access_action(&fact.action, self.find_tenant);
                (self.principal(&fact.principal), action, self.asset("resource", &fact.asset), context)
            }
            Fact::Flow(fact) => {
                let context = vec![
                    ("hops", RestrictedExpression::new_long(i64::from(fact.hops))),
                    ("aggregated", RestrictedExpression::new_bool(fact.aggregated)),
                    ("masked", RestrictedExpression::new_bool(fact.masked)),
                ];
                (self.asset("principal", &fact.from), "flow", self.asset("resource", &fact.to), context)
            }
            Fact::Grant(fact) => {
                (self.principal(&fact.principal), "grant", self.asset("resource", &fact.asset), self.grant(fact))
            }
            Fact::Posture(fact) => {
                (self.asset("principal", &fact.asset), "exist", self.asset("resource", &fact.asset), self.posture(fact))
            }
        };
        let (principal, resource) = (principal?, resource?);
        let context = Context::from_pairs(context.into_iter().map(|(name, value)| (name.to_owned(), value)))
            .map_err(|error| RequestError(error.to_string()))?;
        let request = Request::new(
            principal.uid(),
            uid("Lake::Action", action),
            resource.uid(),
            context,
            Some(&self.pack.schema),
        )
        .map_err(|error| RequestError(error.to_string()))?;
        let tenants = self.tenants(fact)?;
        let entities = Entities::from_entities([principal, resource].into_iter().chain(tenants), None)
            .map_err(|error| RequestError(error.to_string()))?;
        Ok((request, entities))
    }

    /// The tenants a fact names, as entities: policies read their traits.
    fn tenants(&self, fact: &Fact) -> Result<Vec<Entity>, RequestError> {
        let mut ids = named_tenants(fact);
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
            .filter_map(self.find_tenant)
            .map(|tenant| {
                entity(
                    uid("Lake::Tenant", &tenant.slug),
                    vec![
                        ("legalHold", RestrictedExpression::new_bool(tenant.legal_hold)),
                        ("offboarded", RestrictedExpression::new_bool(tenant.offboarded)),
                    ],
                )
            })
            .collect()
    }

    fn principal(&self, facts: &PrincipalFacts) -> Result<Entity, RequestError> {
        let mut attributes = vec![
            ("platform", RestrictedExpression::new_bool(facts.owner == Owner::Platform)),
            ("kind", RestrictedExpression::new_string(facts.kind.as_str().to_owned())),
            ("account", RestrictedExpression::new_string(facts.account.as_str().to_owned())),
            ("longLivedKey", RestrictedExpression::new_bool(facts.long_lived_key)),
        ];
        if let Owner::Tenant(tenant) = facts.owner {
            attributes.extend(tenant_attribute("tenant", Some(tenant), self.find_tenant));
        }
        entity(uid("Lake::Principal", "principal"), attributes)
    }

    fn asset(&self, name: &str, facts: &AssetFacts) -> Result<Entity, RequestError> {
        let (ownership, owner) = match facts.owner {
            Owner::Tenant(tenant) => ("tenant", Some(tenant)),
            Owner::Platform => ("platform", None),
            Owner::Unowned => ("unowned", None),
        };
        let mut attributes = vec![
            ("ownership", RestrictedExpression::new_string(ownership.to_owned())),
            ("sharedWith", tenant_set(&facts.shared_with, self.find_tenant)),
        ];
        attributes.extend(tenant_attribute("owner", owner, self.find_tenant));
        attributes
            .extend(facts.layer.map(|layer| ("layer", RestrictedExpression::new_string(layer.as_str().to_owned()))));
        entity(uid("Lake::Asset", name), attributes)
    }

    fn grant(&self, fact: &GrantFact) -> Pairs {
        vec![
            ("permission", RestrictedExpression::new_string(fact.permission.clone())),
            ("iamAllowedPrincipals", RestrictedExpression::new_bool(fact.iam_allowed_principals)),
            ("grantable", RestrictedExpression::new_bool(fact.grantable)),
            ("wildcard", RestrictedExpression::new_bool(fact.wildcard)),
            ("viaTag", RestrictedExpression::new_bool(fact.via_tag)),
            ("tagTenants", tenant_set(&fact.tag_tenants, self.find_tenant)),
        ]
    }

    fn posture(&self, fact: &PostureFact) -> Pairs {
        let flag = |name, value: Option<bool>| value.map(|value| (name, RestrictedExpression::new_bool(value)));
        let mut context = vec![("kind", RestrictedExpression::new_string(fact.kind.as_str().to_owned()))];
        context.extend(tenant_attribute("locationOwner", fact.location_owner, self.find_tenant));
        context.extend(tenant_attribute("databaseOwner", fact.database_owner, self.find_tenant));
        context.extend(tenant_attribute("tagOwner", fact.tag_owner, self.find_tenant));
        context.extend(flag("tagged", fact.tagged));
        context.extend(flag("registered", fact.registered));
        context.extend(flag("encrypted", fact.encrypted));
        context
    }
}

fn access_action(action: &AccessAction, find_tenant: FindTenant<'_>) -> (&'static str, Pairs) {
    let denied = |denied: bool| ("denied", RestrictedExpression::new_bool(denied));
    match action {
        AccessAction::Read(context) => ("read", data_context(*context)),
        AccessAction::List(context) => ("list", data_context(*context)),
        AccessAction::Write(context) => ("write", data_context(*context)),
        AccessAction::Delete(context) => ("delete", data_context(*context)),
        AccessAction::Vend(context) => ("vend", data_context(*context)),
        AccessAction::Decrypt(context) => ("decrypt", data_context(*context)),
        AccessAction::Query { denied: was_denied, output_owner, workgroup_owner } => {
            let mut context = vec![denied(*was_denied)];
            context.extend(tenant_attribute("outputOwner", *output_owner, find_tenant));
            context.extend(tenant_attribute("workgroupOwner", *workgroup_owner, find_tenant));
            ("query", context)
        }
        AccessAction::Assume { denied: was_denied, tag_tenant } => {
            let mut context = vec![denied(*was_denied)];
            context.extend(tenant_attribute("tagTenant", *tag_tenant, find_tenant));
            ("assume", context)
        }
        AccessAction::ChangeControl { denied: was_denied, event } => {
            ("changeControl", vec![denied(*was_denied), ("event", RestrictedExpression::new_string(event.clone()))])
        }
    }
}

fn data_context(context: DataContext) -> Pairs {
    [
        ("denied", context.denied),
        ("tls", context.tls),
        ("signatureV2", context.signature_v2),
        ("presigned", context.presigned),
        ("crossAccount", context.cross_account),
        ("viaLakeFormation", context.via_lake_formation),
    ]
    .into_iter()
    .map(|(name, value)| (name, RestrictedExpression::new_bool(value)))
    .collect()
}

/// A tenant by its slug; the platform is no tenant and gives no attribute.
fn tenant_attribute(
    name: &'static str,
    tenant: Option<TenantId>,
    find_tenant: FindTenant<'_>,
) -> Option<(&'static str, RestrictedExpression)> {
    let tenant = find_tenant(tenant?)?;
    Some((name, RestrictedExpression::new_entity_uid(uid("Lake::Tenant", &tenant.slug))))
}

fn tenant_set(tenants: &[TenantId], find_tenant: FindTenant<'_>) -> RestrictedExpression {
    RestrictedExpression::new_set(
        tenants
            .iter()
            .filter_map(|tenant| find_tenant(*tenant))
            .map(|tenant| RestrictedExpression::new_entity_uid(uid("Lake::Tenant", &tenant.slug))),
    )
}

fn entity(uid: EntityUid, attributes: Pairs) -> Result<Entity, RequestError> {
    let attributes: HashMap<String, RestrictedExpression> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Entity::new(uid, attributes, HashSet::new()).map_err(|error| RequestError(error.to_string()))
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().expect("entity type names of the schema are valid");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn named_tenants(fact: &Fact) -> Vec<TenantId> {
    let asset = |asset: &AssetFacts| {
        let mut ids = asset.shared_with.clone();
        ids.extend(asset.owner.tenant_id());
        ids
    };
    match fact {
        Fact::Access(fact) => {
            let mut ids = asset(&fact.asset);
            ids.extend(fact.principal.owner.tenant_id());
            match &fact.action {
                AccessAction::Query { output_owner, workgroup_owner, .. } => {
                    ids.extend([*output_owner, *workgroup_owner].into_iter().flatten());
                }
                AccessAction::Assume { tag_tenant, .. } => ids.extend(*tag_tenant),
                _ => {}
            }
            ids
        }
        Fact::Flow(fact) => [asset(&fact.from), asset(&fact.to)].concat(),
        Fact::Grant(fact) => {
            let mut ids = asset(&fact.asset);
            ids.extend(fact.principal.owner.tenant_id());
            ids.extend(&fact.tag_tenants);
            ids
        }
        Fact::Posture(fact) => {
            let mut ids = asset(&fact.asset);
            ids.extend([fact.location_owner, fact.database_owner, fact.tag_owner].into_iter().flatten());
            ids
        }
    }
}
