//! Checks answers of an HTTP API against its OpenAPI document (3.1).

use serde_json::{Value, json};

/// An OpenAPI document that answers are checked against.
#[derive(Debug, Clone)]
pub struct Contract(Value);

/// An answer of the API.
#[derive(Debug, Clone, Copy)]
pub struct ApiAnswer<'a> {
    /// The HTTP status code.
    pub status: u16,
    /// The header `Content-Type`; empty without one.
    pub content_type: &'a str,
    /// The body as it was received.
    pub body: &'a str,
}

impl Contract {
    /// Makes the contract of a document.
    pub fn new(document: Value) -> Self {
        Self(document)
    }

    /// Finds what an answer has that the document does not describe.
    ///
    /// # Errors
    /// The first difference, in words.
    pub fn check(&self, method: &str, path: &str, answer: ApiAnswer<'_>) -> Result<(), String> {
        let operation = self
            .operation(method, path)
            .ok_or_else(|| format!("{method} {path} is not described"))?;
        let responses = &operation["responses"];
        let response = match &responses[answer.status.to_string()] {
            Value::Null => &responses["default"],
            found => found,
        };
        let response = self.resolve(response);
        if response.is_null() {
            return Err(format!("status {} is not described", answer.status));
        }
        let media_type = answer
            .content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        let content = &response["content"];
        if content.is_null() {
            return match answer.body {
                "" => Ok(()),
                body => Err(format!("status {} has a body: {body}", answer.status)),
            };
        }
        let schema = &content[media_type]["schema"];
        if schema.is_null() {
            return Err(format!(
                "status {} has the type {media_type:?}, which is not described",
                answer.status
            ));
        }
        if !media_type.ends_with("json") {
            return Ok(());
        }
        let body: Value = serde_json::from_str(answer.body).map_err(|fault| fault.to_string())?;
        self.validate(schema, &body)
    }

    /// Finds the description of a request by its path, without the query.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let path = path.split('?').next().unwrap_or_default();
        let paths = self.0["paths"].as_object()?;
        let matching = paths
            .iter()
            .filter(|(template, _)| is_match(template, path));
        // Fixed paths come before parameters.
        let (_, methods) = matching.min_by_key(|(template, _)| template.matches('{').count())?;
        methods.get(method.to_ascii_lowercase())
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let pointer = value["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
        pointer.and_then(|it| self.0.pointer(it)).unwrap_or(value)
    }

    fn validate(&self, schema: &Value, body: &Value) -> Result<(), String> {
        let root = json!({ "allOf": [schema], "components": self.0["components"] });
        let validator = jsonschema::draft202012::new(&root).map_err(|fault| fault.to_string())?;
        let faults: Vec<String> = validator
            .iter_errors(body)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        match faults.is_empty() {
            true => Ok(()),
            false => Err(format!("{} in {body}", faults.join("; "))),
        }
    }
}

fn is_match(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(part), Some(text)) if part == text => {}
            (Some(part), Some(text)) if part.starts_with('{') && !text.is_empty() => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_described_is_found() {
        let contract = Contract::new(json!({
            "paths": {
                "/a/{id}/": { "get": { "responses": {
                    "200": { "description": "", "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/A" },
                    } } },
                    "204": { "description": "" },
                } } },
            },
            "components": { "schemas": { "A": {
                "type": "object",
                "properties": { "n": { "type": "integer" } },
                "required": ["n"],
            } } },
        }));
        let check = |method: &str, path: &str, status: u16, body: &str| {
            let content_type = "application/json; charset=utf-8";
            let answer = ApiAnswer {
                status,
                content_type,
                body,
            };
            contract.check(method, path, answer)
        };
        assert_eq!(check("GET", "/a/1/?x=y", 200, r#"{"n": 1}"#), Ok(()));
        assert_eq!(check("GET", "/a/1/", 204, ""), Ok(()));
        for (method, path, status, body) in [
            ("GET", "/a/1/", 200, r#"{"n": "1"}"#),
            ("GET", "/a/1/", 200, "{}"),
            ("GET", "/a/1/", 200, "text"),
            ("GET", "/a/1/", 204, "{}"),
            ("GET", "/a/1/", 404, "{}"),
            ("GET", "/a//", 200, r#"{"n": 1}"#),
            ("GET", "/a/1/b/", 200, r#"{"n": 1}"#),
            ("PUT", "/a/1/", 200, r#"{"n": 1}"#),
        ] {
            assert!(
                check(method, path, status, body).is_err(),
                "{method} {path} {status}"
            );
        }
    }
}
