//! The OpenAPI document (3.1), made from the table of routes: each route of the REST API has its
//! description beside its line there.

use std::rc::Rc;

use actix_web::HttpResponse;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use strum::VariantArray as _;

use super::operation::{Answer, Content, Group, Operation, Parameter, Place, Values};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::problem::Problem;
use crate::routes::api::{DescribedRoute, described};

const PROBLEM_JSON: &str = "application/problem+json";

/// Failures that every request can have. An answer that is neither here nor with its request fails
/// the tests.
const ALWAYS: [Answer; 8] = [
    problem(400, "The request cannot be read; `detail` says what of it."),
    problem(401, "There is no token, or it is not accepted."),
    problem(403, "The token may not do this."),
    problem(405, "The path has no such method; `Allow` lists them."),
    problem(421, "The service has another host name."),
    problem(
        429,
        "Too many requests: try again after `Retry-After` seconds.",
    ),
    problem(
        500,
        "Something is broken here; the log has it by `request_id`.",
    ),
    problem(
        503,
        "A part of the service does not respond: try again after `Retry-After` seconds.",
    ),
];
/// Failures of requests that have a body.
const WITH_BODY: [Answer; 2] = [
    problem(413, "The body is too large."),
    problem(415, "The body is no uncompressed application/json."),
];

const fn problem(status: u16, description: &'static str) -> Answer {
    Answer {
        status,
        description,
        content: Content::Problem,
    }
}

/// What makes the schemas: a member with a default is needed in answers, and not in requests. No
/// type is in both.
struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

/// Sends the document (`GET /api/openapi.json`).
pub(crate) async fn show(context: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    let routes = described();
    Ok(HttpResponse::Ok().json(document(&context, routes)))
}

/// Makes the document of these routes.
fn document(context: &RequestContext, routes: impl Iterator<Item = DescribedRoute>) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = Schemas {
        requests: settings.clone().for_deserialize().into_generator(),
        answers: settings.for_serialize().into_generator(),
    };
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        let name = route.method.as_str().to_ascii_lowercase();
        methods[name] = operation(&route, &mut schemas);
    }
    let tags = Group::VARIANTS
        .iter()
        .map(|group| json!({ "name": group.title(), "description": group.about() }));
    let tags: Vec<Value> = tags.collect();
    let mut definitions = schemas.requests.take_definitions(true);
    definitions.extend(schemas.answers.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": context.app.config.site.name,
            "version": "1",
            "description": "Your DNS records and your certificate, for programs of yours. Each \
                            request has an API token, which you create on your page of tokens.",
        },
        "servers": [{ "url": context.app.origin() }],
        "security": [{ "token": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`Authorization: Bearer sc_…`, or with `Token` in place of \
                                    `Bearer`.",
                },
            },
        },
    })
}

fn operation(route: &DescribedRoute, schemas: &mut Schemas) -> Value {
    let DescribedRoute {
        path, operation, ..
    } = route;
    let in_path = path_parameters(path).map(|name| {
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "schema": { "type": "string" },
        })
    });
    let others = operation.parameters.iter().map(parameter);
    let parameters: Vec<Value> = in_path.chain(others).collect();
    let mut described = json!({
        "tags": [operation.group.title()],
        "summary": operation.summary,
        "description": format!(
            "{}{}Right: {}.",
            operation.description,
            if operation.description.is_empty() { "" } else { "\n\n" },
            operation.right
        ),
        "operationId": operation_id(route),
        "parameters": parameters,
        "responses": answers(operation, &mut schemas.answers),
    });
    if let Some(body) = &operation.request {
        let schema = (body.schema)(&mut schemas.requests);
        let example: Value = serde_json::from_str(body.example).unwrap_or_default();
        described["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": schema, "example": example } },
        });
    }
    described
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": match parameter.place {
            Place::Query => "query",
            Place::Header => "header",
        },
        "required": false,
        "description": parameter.description,
        "schema": match parameter.values {
            Values::Any => json!({ "type": "string" }),
            Values::OneOf(values) => json!({ "type": "string", "enum": values }),
            Values::Number => json!({ "type": "integer", "format": "int64" }),
        },
    })
}

/// Returns the names of the parameters in a path.
fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.split('{').skip(1);
    parts.filter_map(|part| part.split('}').next())
}

/// Names an operation by its method and the fixed parts of its path.
fn operation_id(route: &DescribedRoute) -> String {
    let parts = route.path.trim_start_matches("/api/v1/").split('/');
    let words = parts
        .filter(|part| !part.is_empty())
        .map(|part| part.trim_matches(['{', '}']));
    let method = route.method.as_str().to_ascii_lowercase();
    let words: Vec<&str> = words.collect();
    format!("{method}_{}", words.join("_"))
}

fn answers(operation: &Operation, schemas: &mut SchemaGenerator) -> Value {
    let with_body = WITH_BODY.iter().filter(|_| operation.request.is_some());
    let common = ALWAYS.iter().chain(with_body);
    let mut responses = Map::new();
    for answer in operation.answers.iter().chain(common) {
        let described = responses.entry(answer.status.to_string());
        described.or_insert_with(|| response(answer, schemas));
    }
    Value::Object(responses)
}

fn response(answer: &Answer, schemas: &mut SchemaGenerator) -> Value {
    let mut described = json!({ "description": answer.description });
    let problem = |schemas: &mut SchemaGenerator| schemas.subschema_for::<Problem<'static>>();
    let content = match answer.content {
        Content::Nothing => return described,
        Content::Json(schema) if answer.status >= 400 => {
            let schema = schema(schemas);
            let problem = problem(schemas);
            json!({
                "application/json": { "schema": schema },
                PROBLEM_JSON: { "schema": problem },
            })
        }
        Content::Json(schema) => {
            let schema = schema(schemas);
            json!({ "application/json": { "schema": schema } })
        }
        Content::Problem => {
            let problem = problem(schemas);
            json!({ PROBLEM_JSON: { "schema": problem } })
        }
        Content::Text(media_type) => {
            json!({ media_type: { "schema": { "type": "string" } } })
        }
        Content::Files(media_types) => {
            // Without a type: the bytes are no text (OpenAPI 3.1, section 4.8.14.2).
            let file = |media_type: &&str| ((*media_type).to_owned(), json!({ "schema": {} }));
            Value::Object(media_types.iter().map(file).collect())
        }
    };
    described["content"] = content;
    described
}
