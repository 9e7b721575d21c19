//! Who pays for a line: by its tag's value or its account, as `tenancy` decides, allowing for how people spell tags.

use lakewarden_tenancy::{AssetRef, Owned, Owner, Ownership};

use crate::cost_explorer::Grouping;

/// The payer of a line, and the rule that says so. An untagged line is nobody's, which pages show as *unallocated*.
pub fn payer(ownership: &Ownership, grouping: &Grouping, allocation_key: &str) -> Owned {
    if allocation_key.trim().is_empty() {
        return Owned::UNOWNED;
    }
    match grouping {
        Grouping::LinkedAccount => ownership.of(&AssetRef::Account(allocation_key)),
        Grouping::Tag(key) => spellings(allocation_key)
            .into_iter()
            .map(|value| ownership.of(&AssetRef::CostTag { key: key.trim(), value: &value }))
            .find(|owned| owned.owner != Owner::Unowned)
            .unwrap_or(Owned::UNOWNED),
    }
}

/// A tag as typed, then as meant: ` Acme`, `ACME` and `acme` are one tenant, and so are `Acme Corp` and `acme-corp`.
fn spellings(value: &str) -> Vec<String> {
    let lower = value.trim().to_lowercase();
    let hyphenated = lower.split([' ', '_']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    let mut spellings = vec![value.to_owned(), value.trim().to_owned(), lower, hyphenated];
    spellings.dedup();
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_tried_as_typed_before_it_is_tried_as_meant() {
        assert_eq!(spellings("acme"), ["acme"]);
        assert_eq!(spellings(" Acme_Corp "), [" Acme_Corp ", "Acme_Corp", "acme_corp", "acme-corp"]);
    }

    #[test]
    fn an_untagged_line_is_nobodys() {
        let grouping = Grouping::Tag("tenant".into());
        assert_eq!(payer(&Ownership::default(), &grouping, " "), Owned::UNOWNED);
    }
}
