//! Column origins in all three forms a producer may send them.

use std::collections::BTreeSet;

use crate::event::Facets;
use crate::event::facet::{ColumnLineage, ColumnOrigin, ExplicitLineage, LineageInput, Transformation};
use crate::facts::{Name, lenient};

/// One column (or, with an empty name, every column) of an output and one column it comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnEdge {
    /// Empty: every column of the output.
    pub output_column: String,
    pub input: Name,
    pub input_column: String,
    /// `DIRECT`, `INDIRECT` or empty where the producer does not say.
    pub kind: String,
    pub subtype: String,
    pub masking: bool,
}

/// The origins that a dataset's facets state; `None` where they state nothing. An explicit `lineage` facet is complete and
/// wins over `columnLineage`.
pub(crate) fn column_edges(facets: &Facets, notes: &mut Vec<String>) -> Option<Vec<ColumnEdge>> {
    if let Some(explicit) = lenient::<ExplicitLineage>(facets, "lineage", notes) {
        return Some(of_explicit(explicit).into_iter().collect());
    }
    let facet = lenient::<ColumnLineage>(facets, "columnLineage", notes)?;
    let mut edges = BTreeSet::new();
    for (column, origins) in facet.fields {
        let old_form = origins.transformation_type.as_deref().map(of_old_form);
        for origin in origins.input_fields {
            edges.insert(edge(&column, origin, old_form.as_ref()));
        }
    }
    for origin in facet.dataset {
        edges.insert(edge("", origin, None));
    }
    Some(edges.into_iter().collect())
}

fn of_explicit(facet: ExplicitLineage) -> BTreeSet<ColumnEdge> {
    let whole = facet.inputs.into_iter().map(|input| (String::new(), input));
    let by_column = facet
        .fields
        .into_iter()
        .flat_map(|(column, field)| field.inputs.into_iter().map(move |input| (column.clone(), input)));
    whole.chain(by_column).filter_map(|(column, input)| explicit_edge(&column, input)).collect()
}

/// An input without a dataset's identity is a job: not a column's origin.
fn explicit_edge(column: &str, input: LineageInput) -> Option<ColumnEdge> {
    let origin = ColumnOrigin {
        namespace: input.namespace?,
        name: input.name?,
        field: input.field.unwrap_or_default(),
        transformations: input.transformations,
    };
    Some(edge(column, origin, None))
}

fn of_old_form(word: &str) -> Transformation {
    let masked = word.eq_ignore_ascii_case("MASKED");
    Transformation { kind: Some("DIRECT".to_owned()), subtype: Some(word.to_owned()), masking: Some(masked) }
}

/// Several transformations of one origin are one edge: direct if one of them is, masked only if all of them are.
fn edge(column: &str, origin: ColumnOrigin, old_form: Option<&Transformation>) -> ColumnEdge {
    let transformations = origin.transformations.unwrap_or_default();
    let all: Vec<&Transformation> =
        if transformations.is_empty() { old_form.into_iter().collect() } else { transformations.iter().collect() };
    let kind = all.iter().filter_map(|one| one.kind.as_deref()).max_by_key(|kind| *kind == "DIRECT");
    let subtypes: BTreeSet<&str> = all.iter().filter_map(|one| one.subtype.as_deref()).collect();
    ColumnEdge {
        output_column: column.to_owned(),
        input: Name::new(origin.namespace, origin.name),
        input_column: origin.field,
        kind: kind.unwrap_or_default().to_owned(),
        subtype: subtypes.into_iter().collect::<Vec<_>>().join(","),
        masking: !all.is_empty() && all.iter().all(|one| one.masking == Some(true)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edges(facets: serde_json::Value) -> Vec<String> {
        let facets: Facets = serde_json::from_value(facets).unwrap();
        let edges = column_edges(&facets, &mut Vec::new()).unwrap();
        edges
            .iter()
            .map(|edge| {
                let mask = if edge.masking { " masked" } else { "" };
                format!(
                    "{}.{} -> {} {} {}{mask}",
                    edge.input.name, edge.input_column, edge.output_column, edge.kind, edge.subtype
                )
            })
            .collect()
    }

    #[test]
    fn all_three_forms_are_read() {
        let origin = |field: &str| json!({"namespace": "n", "name": "in", "field": field});
        let old =
            json!({"columnLineage": {"fields": {"a": {"inputFields": [origin("x")], "transformationType": "MASKED"}}}});
        assert_eq!(edges(old), ["in.x -> a DIRECT MASKED masked"]);
        let mut direct = origin("x");
        direct["transformations"] = json!([{"type": "INDIRECT", "subtype": "JOIN"}, {"type": "DIRECT", "subtype": "IDENTITY", "masking": false}]);
        let new = json!({"columnLineage": {"fields": {"a": {"inputFields": [direct]}}, "dataset": [origin("y")]}});
        assert_eq!(edges(new), ["in.y ->   ", "in.x -> a DIRECT IDENTITY,JOIN"]);
        let explicit = json!({
            "lineage": {"inputs": [], "fields": {"a": {"inputs": [{"namespace": "n", "name": "in", "field": "z"}]}}},
            "columnLineage": {"fields": {"b": {"inputFields": [origin("x")]}}},
        });
        assert_eq!(edges(explicit), ["in.z -> a  "], "the explicit facet is complete");
    }
}
