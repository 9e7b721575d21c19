//! `policy check`, `policy list` and `who-owns`: the policies folder, read without a database.

use std::path::Path;

use lakewarden_app::check_policies;
use lakewarden_findings::Registry;
use lakewarden_tenancy::{AssetRef, Owner, Ownership};

use crate::config::Config;
use crate::failure::Failure;

pub fn check(folder: &Path) -> Result<(), Failure> {
    let (policies, cases) = read(folder)?;
    println!("{}: {} policies, {cases} cases passed", folder.display(), policies.policies().len());
    Ok(())
}

pub fn list(folder: &Path) -> Result<(), Failure> {
    let (policies, _) = read(folder)?;
    for policy in policies.policies() {
        println!("{:<36} {:<9} {}", policy.id, policy.severity.as_str(), policy.title);
    }
    Ok(())
}

fn read(folder: &Path) -> Result<(Registry, usize), Failure> {
    check_policies(folder).map_err(|faults| {
        Failure::configuration(format!("{} cannot be used:\n  {}", folder.display(), faults.join("\n  ")))
    })
}

pub fn who_owns(config: &Config, asset: &str) -> Result<(), Failure> {
    let ownership = read_ownership(&config.policies)?;
    let asset = AssetRef::parse(asset).map_err(|error| Failure::new(error.to_string()))?;
    let owned = ownership.of(&asset);
    let owner = match owned.owner {
        Owner::Tenant(id) => {
            ownership.tenant(id).map_or_else(|| id.to_string(), |tenant| format!("{} ({})", tenant.slug, tenant.name))
        }
        Owner::Platform => "the platform".to_owned(),
        Owner::Unowned => "nobody".to_owned(),
    };
    let layer = owned.layer.map(|layer| format!(", layer {}", layer.as_str())).unwrap_or_default();
    println!("{owner}{layer}\nbecause {}", ownership.explain(owned.rule));
    Ok(())
}

/// `tenants.toml` of a policies folder.
pub fn read_ownership(policies: &Path) -> Result<Ownership, Failure> {
    let path = policies.join(lakewarden_tenancy::FILE);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::configuration(format!("cannot read {}: {error}", path.display())))?;
    Ownership::parse(&text).map_err(|error| Failure::configuration(error.to_string()))
}
