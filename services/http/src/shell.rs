//! What stands around every page: the title, the way to it, the navigation, and what is wrong with the service itself.

use lakewarden_core::Scope;
use lakewarden_identity::Viewer;

use crate::assets::asset_path;
use crate::surroundings::Surroundings;

/// An entry of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Isolation,
    Findings,
    Lineage,
    Datasets,
    Jobs,
    Access,
    Catalog,
    Quality,
    Cost,
    Ownership,
    Policies,
    Sources,
    Deliveries,
    /// Pages outside the navigation: sign-in, errors.
    None,
}

/// The navigation, in groups as people look for things.
const NAVIGATION: [(&str, &[Section]); 3] = [
    ("Verdict", &[Section::Overview, Section::Isolation, Section::Findings, Section::Policies]),
    (
        "Lake",
        &[
            Section::Datasets,
            Section::Jobs,
            Section::Lineage,
            Section::Catalog,
            Section::Access,
            Section::Quality,
            Section::Cost,
        ],
    ),
    ("Service", &[Section::Ownership, Section::Sources, Section::Deliveries]),
];

impl Section {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Isolation => "Isolation",
            Self::Findings => "Findings",
            Self::Lineage => "Lineage",
            Self::Datasets => "Datasets",
            Self::Jobs => "Jobs",
            Self::Access => "Access",
            Self::Catalog => "Catalog",
            Self::Quality => "Quality",
            Self::Cost => "Cost",
            Self::Ownership => "Ownership",
            Self::Policies => "Policies",
            Self::Sources => "Sources",
            Self::Deliveries => "Deliveries",
            Self::None => "",
        }
    }

    pub const fn href(self) -> &'static str {
        match self {
            Self::Overview | Self::None => "/",
            Self::Isolation => "/isolation",
            Self::Findings => "/findings",
            Self::Lineage => "/lineage",
            Self::Datasets => "/datasets",
            Self::Jobs => "/jobs",
            Self::Access => "/access",
            Self::Catalog => "/catalog",
            Self::Quality => "/quality",
            Self::Cost => "/cost",
            Self::Ownership => "/ownership",
            Self::Policies => "/policies",
            Self::Sources => "/sources",
            Self::Deliveries => "/deliveries",
        }
    }

    /// Its pages answer only those who see every tenant, so nobody else is shown the way to them.
    const fn is_for_operators(self) -> bool {
        matches!(self, Self::Sources | Self::Deliveries)
    }
}

/// One heading of the navigation with its entries.
#[derive(Debug)]
pub struct NavigationGroup {
    pub heading: &'static str,
    pub sections: Vec<Section>,
}

/// A step on the way to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crumb {
    pub label: String,
    pub href: String,
}

/// What `layout/page.html` shows around a page's own content. Every page struct has a field `shell: Shell`.
#[derive(Debug, Clone)]
pub struct Shell {
    pub title: String,
    /// A sentence under the title: what this page answers.
    pub lead: String,
    pub section: Section,
    pub viewer: Option<Viewer>,
    /// The pages above this one, outermost first.
    pub crumbs: Vec<Crumb>,
    /// What is wrong with the service itself, on every page: a policy file that cannot be read, a source that is silent.
    pub warnings: Vec<String>,
    /// The name of the one tenant whose rows the viewer sees.
    pub scope_name: Option<String>,
}

impl Shell {
    pub fn new(title: impl Into<String>, section: Section, viewer: &Viewer) -> Self {
        let Surroundings { warnings, scope_name } = Surroundings::of_this_request();
        Self { section, viewer: Some(viewer.clone()), warnings, scope_name, ..Self::signed_out(title) }
    }

    pub fn signed_out(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            lead: String::new(),
            section: Section::None,
            viewer: None,
            crumbs: Vec::new(),
            warnings: Vec::new(),
            scope_name: None,
        }
    }

    /// For tests that render a page without a request.
    pub fn sample(section: Section) -> Self {
        let viewer = Viewer { name: "ada".into(), scope: Scope::All, is_administrator: true };
        Self::new("Sample", section, &viewer)
    }

    /// The sentence under the title.
    #[must_use]
    pub fn with_lead(mut self, lead: impl Into<String>) -> Self {
        self.lead = lead.into();
        self
    }

    /// Adds a page above this one: `.under("Findings", "/findings")`.
    #[must_use]
    pub fn under(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.crumbs.push(Crumb { label: label.into(), href: href.into() });
        self
    }

    pub fn asset(&self, name: &str) -> String {
        asset_path(name)
    }

    pub fn navigation(&self) -> Vec<NavigationGroup> {
        let sees_everything = self.viewer.as_ref().is_some_and(Viewer::sees_everything);
        let shown = |section: &&Section| sees_everything || !section.is_for_operators();
        NAVIGATION
            .iter()
            .map(|&(heading, sections)| NavigationGroup {
                heading,
                sections: sections.iter().filter(shown).copied().collect(),
            })
            .filter(|group| !group.sections.is_empty())
            .collect()
    }

    /// Whose rows the viewer sees, in words.
    pub fn scope(&self) -> String {
        match self.viewer.as_ref().map(|viewer| viewer.scope) {
            Some(Scope::Tenant(tenant)) => self.scope_name.clone().unwrap_or_else(|| format!("tenant {tenant}")),
            Some(_) => "all tenants".to_owned(),
            None => String::new(),
        }
    }

    pub fn is_confined(&self) -> bool {
        self.viewer.as_ref().is_some_and(|viewer| !viewer.sees_everything())
    }
}

#[cfg(test)]
mod tests {
    use lakewarden_core::TenantId;

    use super::*;

    fn tenant_shell() -> Shell {
        let viewer = Viewer { name: "auditor".into(), scope: Scope::Tenant(TenantId(7)), is_administrator: false };
        Shell::new("Findings", Section::Findings, &viewer)
    }

    #[test]
    fn a_tenants_auditor_is_not_shown_the_way_to_the_operators_pages() {
        let shown: Vec<_> = tenant_shell().navigation().into_iter().flat_map(|group| group.sections).collect();
        assert!(shown.contains(&Section::Findings));
        assert!(!shown.contains(&Section::Sources));
        assert!(tenant_shell().is_confined());
        assert_eq!(tenant_shell().scope(), "tenant 7");
    }

    #[test]
    fn the_operator_is_shown_every_section_once() {
        let shown: Vec<_> =
            Shell::sample(Section::Overview).navigation().into_iter().flat_map(|group| group.sections).collect();
        assert_eq!(shown.len(), 14);
    }
}
