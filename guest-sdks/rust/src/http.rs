//! Requests and responses of function URLs: take a [`Request`], answer with a [`Response`].

use std::collections::BTreeMap;

use crate::{base64, object, FromValue, IntoAnswer, IntoValue, Object, Value};

/// The event of a function URL.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// As it came.
    pub query: String,
    /// By their names in small letters.
    pub headers: BTreeMap<String, String>,
    pub query_parameters: BTreeMap<String, String>,
    pub cookies: Vec<String>,
    pub source_ip: String,
    pub body: Vec<u8>,
}

/// An answer to a function URL. The body may be any bytes.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub cookies: Vec<String>,
    pub body: Vec<u8>,
}

impl Response {
    /// An answer without a body.
    pub fn new(status: u16) -> Response {
        let headers = BTreeMap::new();
        Response { status, headers, cookies: Vec::new(), body: Vec::new() }
    }

    pub fn text(text: &str) -> Response {
        Response::new(200).header("content-type", "text/plain; charset=utf-8").body(text)
    }

    pub fn html(text: &str) -> Response {
        Response::new(200).header("content-type", "text/html; charset=utf-8").body(text)
    }

    pub fn json(value: impl IntoAnswer) -> Result<Response, crate::Error> {
        let answer = Response::new(200).header("content-type", "application/json");
        Ok(answer.body(value.into_answer()?))
    }

    pub fn status(mut self, status: u16) -> Response {
        self.status = status;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Response {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The value of a Set-Cookie header.
    pub fn cookie(mut self, cookie: &str) -> Response {
        self.cookies.push(cookie.to_owned());
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Response {
        self.body = body.into();
        self
    }
}

/// Of the payload format 2.0.
impl FromValue for Request {
    fn from_value(mut event: Value) -> Result<Self, String> {
        let http = event.get("requestContext").get("http");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (method, source_ip) = (text(http.get("method")), text(http.get("sourceIp")));
        let cookies =
            event.get("cookies").as_array().unwrap_or_default().iter().map(text).collect();
        let encoded = event.get("isBase64Encoded").as_bool().unwrap_or(false);
        let body = event.take("body").into_bytes().unwrap_or_default();
        let decode = |body: Vec<u8>| base64::decode(std::str::from_utf8(&body).ok()?);
        let body = if encoded { decode(body).ok_or("base64 as its \"body\"")? } else { body };
        Ok(Request {
            method,
            source_ip,
            cookies,
            body,
            path: text(event.get("rawPath")),
            query: text(event.get("rawQueryString")),
            headers: texts(event.take("headers")),
            query_parameters: texts(event.take("queryStringParameters")),
        })
    }
}

fn texts(value: Value) -> BTreeMap<String, String> {
    let members = Option::<Object>::from_value(value).ok().flatten().unwrap_or_default();
    let pairs = members.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        _ => None,
    });
    pairs.collect()
}

/// Of the payload format 2.0.
impl IntoValue for Response {
    fn into_value(self) -> Value {
        let headers = self.headers.into_iter().map(|(name, text)| (name, text.into_value()));
        let (body, encoded) = match String::from_utf8(self.body) {
            Ok(text) => (text, false),
            Err(error) => (base64::encode(error.as_bytes()), true),
        };
        object! {
            "statusCode" => i64::from(self.status),
            "headers" => headers.collect::<Object>(),
            "cookies" => self.cookies,
            "body" => body,
            "isBase64Encoded" => encoded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Error};

    fn turned(request: Request, _: &Context) -> Result<Response, Error> {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/a"));
        assert_eq!(request.headers["x-a"], "b");
        Ok(Response::new(201).body(request.body.into_iter().rev().collect::<Vec<u8>>()))
    }

    #[test]
    fn bodies_are_bytes() {
        let event = |body: &str| {
            format!(
                r#"{{"rawPath": "/a", "requestContext": {{"http": {{"method": "PUT"}}}},
                "headers": {{"x-a": "b"}}, "body": "{}", "isBase64Encoded": true}}"#,
                body
            )
        };
        let answer = crate::run(turned, &event("/wEA"), &Context::default()).unwrap();
        let answer = Value::parse(&answer).unwrap();
        assert_eq!(answer.get("statusCode").as_i64(), Some(201));
        assert_eq!(answer.get("body").as_str(), Some("AAH/"));
        assert_eq!(answer.get("isBase64Encoded").as_bool(), Some(true));
        let error = crate::run(turned, &event("*"), &Context::default()).unwrap_err();
        assert_eq!(error.error_type, "BadEvent");
    }
}
