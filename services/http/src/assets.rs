//! The style sheet, the script and the icon: embedded, so that no file and no other host is needed to look right.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lakewarden_core::Sha256;
use lakewarden_identity::Who;

use crate::{Problem, Routes};

/// An address with the content's hash never changes its content.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "lakewarden.css",
        media_type: "text/css; charset=utf-8",
        content: include_bytes!("../assets/lakewarden.css"),
    },
    Asset {
        name: "lakewarden.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../assets/lakewarden.js"),
    },
    Asset { name: "favicon.svg", media_type: "image/svg+xml", content: include_bytes!("../assets/favicon.svg") },
];

static HASHES: LazyLock<[String; 3]> =
    LazyLock::new(|| ASSETS.each_ref().map(|asset| Sha256::of(asset.content).short()));

/// `GET /assets/{name}`, for everyone.
pub fn asset_routes() -> Routes {
    Routes::new().get("/assets/{name}", Who::Public, (), get_asset)
}

/// The address of an asset, with its content's hash. An unknown name is kept as it is and will be a plain 404.
pub(crate) fn asset_path(name: &str) -> String {
    match ASSETS.iter().position(|asset| asset.name == name) {
        Some(index) => format!("/assets/{name}?v={}", HASHES[index]),
        None => format!("/assets/{name}"),
    }
}

async fn get_asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(index) = ASSETS.iter().position(|asset| asset.name == name) else {
        return Problem::not_found(format!("asset `{name}`")).into_response();
    };
    let asset = &ASSETS[index];
    let tag = format!("\"{}\"", HASHES[index]);
    let unchanged = headers.get(header::IF_NONE_MATCH).is_some_and(|given| {
        given.to_str().is_ok_and(|given| given.split(',').any(|one| one.trim().trim_start_matches("W/") == tag))
    });
    let mut response = if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { asset.content.into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(header::CACHE_CONTROL, FOREVER);
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("a hash in quotes is ASCII"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(path: &str, if_none_match: Option<&str>) -> Response {
        let mut request = Request::get(path);
        if let Some(tag) = if_none_match {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        asset_routes().into_router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn an_asset_is_cached_forever_under_the_address_of_its_content() {
        let path = asset_path("lakewarden.css");
        let first = get(&path, None).await;
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
        assert_eq!(first.headers()[header::CACHE_CONTROL], FOREVER);
        let tag = first.headers()[header::ETAG].to_str().unwrap();
        assert!(path.ends_with(tag.trim_matches('"')));
        assert_eq!(get(&path, Some(tag)).await.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(get(&path, Some("\"other\"")).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn an_unknown_asset_is_not_found() {
        assert_eq!(get("/assets/nothing.css", None).await.status(), StatusCode::NOT_FOUND);
    }
}
