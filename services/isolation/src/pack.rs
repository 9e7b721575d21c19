//! The isolation policies in force: Cedar text, parsed, validated against the schema, with what pages need from annotations.

use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, ValidationResult, Validator};
use lakewarden_core::{LoadError, Plane, Severity, Sha256};
use lakewarden_findings::{PolicyInfo, PolicyKind};
use rustc_hash::FxHashMap;

/// Name of the schema's file below the policies folder.
pub const SCHEMA_FILE: &str = "isolation/lake.cedarschema";

/// One version of the pack.
#[derive(Debug)]
pub struct Pack {
    pub(crate) schema: Schema,
    pub(crate) policies: PolicySet,
    infos: Vec<Arc<PolicyInfo>>,
    by_id: FxHashMap<String, Arc<PolicyInfo>>,
    version: Sha256,
}

impl Pack {
    /// Parses and strictly validates a pack. `files` are (path below the policies folder, text), in a stable order.
    pub fn parse(schema_text: &str, files: &[(String, String)]) -> Result<Self, LoadError> {
        let (schema, warnings) = Schema::from_cedarschema_str(schema_text)
            .map_err(|error| located(SCHEMA_FILE, schema_text, error_offset(&error), &error))?;
        for warning in warnings {
            tracing::warn!(%warning, "the isolation schema has a warning");
        }
        let mut policies = PolicySet::new();
        let mut infos = Vec::new();
        for (file, text) in files {
            let parsed =
                PolicySet::from_str(text).map_err(|error| located(file, text, error_offset(&error), &error))?;
            let mut parsed: Vec<&Policy> = parsed.policies().collect();
            parsed.sort_by_key(|policy| policy_offset(text, policy));
            for policy in parsed {
                let (policy, info) = read_policy(file, text, policy)?;
                policies.add(policy).map_err(|error| LoadError {
                    file: file.clone(),
                    line: None,
                    message: format!("two policies have the same @id: {error}"),
                })?;
                infos.extend(info);
            }
        }
        let result = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        refuse_invalid(&result, files)?;
        let infos: Vec<Arc<PolicyInfo>> = infos.into_iter().map(Arc::new).collect();
        let by_id = infos.iter().map(|info| (info.id.clone(), Arc::clone(info))).collect();
        let parts = files.iter().flat_map(|(file, text)| [file.as_bytes(), text.as_bytes()]);
        let version = Sha256::of_parts([schema_text.as_bytes()].into_iter().chain(parts));
        Ok(Self { schema, policies, infos, by_id, version })
    }

    /// Hash of the schema and every file: which pack gave a verdict.
    pub fn version(&self) -> Sha256 {
        self.version
    }

    /// The policies (every `forbid`), in the order of their files.
    pub fn policies(&self) -> &[Arc<PolicyInfo>] {
        &self.infos
    }

    pub fn policy(&self, id: &str) -> Option<&Arc<PolicyInfo>> {
        self.by_id.get(id)
    }
}

/// Renames the parsed policy to its `@id` (Cedar itself numbers them) and reads its annotations; permits need none.
fn read_policy(file: &str, text: &str, policy: &Policy) -> Result<(Policy, Option<PolicyInfo>), LoadError> {
    let line = Some(line_at(text, policy_offset(text, policy)));
    let refuse = |message: String| LoadError { file: file.to_owned(), line, message };
    let id = policy.annotation("id");
    if policy.effect() == Effect::Permit {
        let id = id.map_or_else(|| format!("{file}#{}", policy.id()), str::to_owned);
        return Ok((policy.new_id(PolicyId::new(id)), None));
    }
    let annotation = |name: &str| {
        policy
            .annotation(name)
            .map(str::to_owned)
            .ok_or_else(|| refuse(format!("policy `{}` has no @{name}(\"…\") annotation", id.unwrap_or("without @id"))))
    };
    let id = annotation("id")?;
    let severity: Severity =
        annotation("severity")?.parse().map_err(|error| refuse(format!("@severity of `{id}`: {error}")))?;
    let plane = plane_of(policy)
        .ok_or_else(|| refuse(format!("policy `{id}` names no action of a single plane in its scope")))?;
    let source = source_of(text, policy_offset(text, policy));
    let info = PolicyInfo {
        title: annotation("title")?,
        severity,
        kind: PolicyKind::Isolation,
        plane: Some(plane),
        controls: annotation("control")?.split(',').map(|control| control.trim().to_owned()).collect(),
        remediation: annotation("remediation")?,
        text: source.to_owned(),
        file: file.to_owned(),
        version: Sha256::of(source),
        id: id.clone(),
    };
    Ok((policy.new_id(PolicyId::new(id)), Some(info)))
}

fn plane_of(policy: &Policy) -> Option<Plane> {
    use cedar_policy::ActionConstraint;
    let actions = match policy.action_constraint() {
        ActionConstraint::Any => return None,
        ActionConstraint::Eq(action) => vec![action],
        ActionConstraint::In(actions) => actions,
    };
    let mut planes = actions.iter().map(|action| match action.id().unescaped() {
        "flow" => Plane::Flow,
        "grant" => Plane::Grant,
        "exist" => Plane::Catalog,
        _ => Plane::Access,
    });
    let first = planes.next()?;
    planes.all(|plane| plane == first).then_some(first)
}

fn refuse_invalid(result: &ValidationResult, files: &[(String, String)]) -> Result<(), LoadError> {
    for warning in result.validation_warnings() {
        tracing::warn!(%warning, "an isolation policy has a warning");
    }
    let Some(error) = result.validation_errors().next() else { return Ok(()) };
    let id = error.policy_id().to_string();
    let marker = format!("@id(\"{id}\")");
    let (file, line) = files
        .iter()
        .find_map(|(file, text)| text.find(&marker).map(|offset| (file.clone(), Some(line_at(text, offset)))))
        .unwrap_or_else(|| (id.clone(), None));
    Err(LoadError { file, line, message: format!("policy `{id}` does not fit the schema: {error}") })
}

/// The policy as its author wrote it, comments inside included: up to the line that ends its statement.
fn source_of(text: &str, offset: usize) -> &str {
    let rest = &text[offset..];
    rest.find(";\n").map_or(rest.trim_end(), |end| &rest[..=end])
}

fn policy_offset(text: &str, policy: &Policy) -> usize {
    policy.annotation("id").and_then(|id| text.find(&format!("@id(\"{id}\")"))).unwrap_or(0)
}

/// Cedar's errors carry source spans by way of `miette`.
fn error_offset(error: &dyn miette::Diagnostic) -> Option<usize> {
    let own = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    own.or_else(|| error.related().and_then(|mut related| related.next()).and_then(error_offset))
}

fn located(file: &str, text: &str, offset: Option<usize>, error: &dyn std::fmt::Display) -> LoadError {
    LoadError { file: file.to_owned(), line: offset.map(|offset| line_at(text, offset)), message: error.to_string() }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
