//! `openapi`: the API as declared by the routes themselves, so that the document cannot drift from the service.

use std::collections::BTreeMap;

use lakewarden_http::Endpoint;
use lakewarden_identity::Who;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::database::Database;
use crate::failure::Failure;
use crate::service::Service;

pub async fn openapi(config: &Config) -> Result<(), Failure> {
    let database = Database::join_or_start(config).await?;
    let service = Service::open(&database.settings, config.base_url(), config.policies.clone()).await?;
    let endpoints = service.app.endpoints();
    service.stop().await;
    database.stop().await;
    println!("{}", serde_json::to_string_pretty(&document(&endpoints)).unwrap_or_default());
    Ok(())
}

/// The document: every route, who may call it, and how errors look.
fn document(endpoints: &[Endpoint]) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints {
        let method = endpoint.method.as_str().to_ascii_lowercase();
        paths.entry(&endpoint.path).or_default().insert(method, operation(endpoint));
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Lakewarden", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "lakewarden token create"},
                "session": {"type": "apiKey", "in": "cookie", "name": lakewarden_identity::SESSION_COOKIE},
            },
            "responses": {"Problem": {"description": "What went wrong, where, and what to do (RFC 9457)",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}},
            "schemas": {"Problem": {"type": "object", "properties": {
                "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}}}},
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let is_json = endpoint.path.starts_with("/api/");
    let success = if is_json { "application/json" } else { "text/html" };
    let mut operation = json!({
        "summary": who_may(endpoint.who),
        "tags": [if is_json { "api" } else { "pages" }],
        "responses": {
            "2XX": {"description": "Done", "content": {success: {}}},
            "default": {"$ref": "#/components/responses/Problem"},
        },
        "security": if endpoint.who == Who::Public { json!([]) } else { json!([{"token": []}, {"session": []}]) },
    });
    let parameters: Vec<Value> = parameters_of(&endpoint.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    operation
}

fn who_may(who: Who) -> &'static str {
    match who {
        Who::Public => "Anyone",
        Who::Producer => "Tokens that may ingest, and callers who see every tenant",
        Who::Viewer => "Anyone signed in, or with a reading token; rows are confined to the caller's tenant",
        Who::Operator => "Callers who see every tenant",
        Who::Administrator => "The administrator",
    }
}

/// The names in `{…}` of a path.
fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| name.trim_start_matches('*'))
}

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::*;

    #[test]
    fn every_route_is_an_operation_with_its_parameters_and_callers() {
        let endpoint = |method, path: &str, who| Endpoint { method, path: path.to_owned(), who };
        let document = document(&[
            endpoint(Method::GET, "/api/v1/findings/{id}", Who::Viewer),
            endpoint(Method::POST, "/api/v1/lineage", Who::Producer),
            endpoint(Method::GET, "/healthz", Who::Public),
        ]);
        assert_eq!(document["paths"]["/api/v1/findings/{id}"]["get"]["parameters"][0]["name"], "id");
        assert_eq!(document["paths"]["/healthz"]["get"]["security"], json!([]));
        assert_ne!(document["paths"]["/api/v1/lineage"]["post"]["security"], json!([]));
    }
}
