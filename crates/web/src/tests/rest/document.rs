//! The OpenAPI document, and its page.

use super::*;
use crate::{Channel, route_table};

async fn get(test_app: &TestApp, path: &str) -> Reply {
    let request = TestRequest::with_uri(path).insert_header(("host", HOST));
    test_app.send(request).await
}

#[actix_web::test]
async fn every_route_of_the_rest_api_is_described() {
    let test_app = TestApp::new().await;
    let document = json(&get(&test_app, "/api/openapi.json").await);
    assert_eq!(document["openapi"], "3.1.0");
    let page = get(&test_app, "/api/docs").await;
    assert_eq!(page.status, StatusCode::OK);
    // A path without its final slash is the same request.
    let routes = route_table()
        .filter(|info| info.channel == Channel::Rest)
        .filter(|info| info.path != "/api/v1/certificate/{part}");
    let mut ids = Vec::new();
    for route in routes.filter(|info| info.path.starts_with("/api/v1/")) {
        let what = format!("{} {}", route.method, route.path);
        assert!(page.body.contains(&what), "{what}");
        assert!(route.path.ends_with('/'), "{what}");
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][route.path][&method];
        assert!(operation["summary"].is_string(), "{what}");
        let in_path = route.path.matches('{').count();
        let parameters = operation["parameters"].as_array().unwrap();
        let described = parameters.iter().filter(|it| it["in"] == "path").count();
        assert_eq!(described, in_path, "{what}");
        ids.push(operation["operationId"].as_str().unwrap().to_owned());
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert!(count > 20 && ids.len() == count, "{ids:?}");
}

/// Finds the values of all members with this name.
fn members<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get(name));
            map.values().for_each(|inner| members(inner, name, found));
        }
        Value::Array(values) => values.iter().for_each(|inner| members(inner, name, found)),
        _ => {}
    }
}

#[actix_web::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let test_app = TestApp::new().await;
    let document = json(&get(&test_app, "/api/openapi.json").await);
    let mut references = Vec::new();
    members(&document, "$ref", &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let mut examples = Vec::new();
    members(&document, "example", &mut examples);
    assert!(
        examples.iter().all(|example| example.is_object()),
        "{examples:?}"
    );
}
