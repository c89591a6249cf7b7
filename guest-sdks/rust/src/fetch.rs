//! HTTP requests to origins that the function's permissions name.
//!
//! ```no_run
//! # fn main() -> Result<(), wasmfaas::Error> {
//! let answer = wasmfaas::fetch::get("https://example.com/").header("accept", "text/html").send()?;
//! assert_eq!(answer.status, 200);
//! println!("{}", answer.text()?);
//! # Ok(()) }
//! ```

use std::time::Duration;

use crate::host::call;
use crate::{object, Error, IntoAnswer, Value};

/// A request that is being put together.
#[derive(Clone, Debug)]
pub struct Request {
    url: String,
    method: String,
    headers: Vec<Vec<String>>,
    body: Option<Vec<u8>>,
    redirect: Option<Redirect>,
    timeout: Option<Duration>,
}

/// What to do with an answer that leads elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirect {
    Follow,
    Manual,
    Error,
}

/// What a server said.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: i64,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Where the answer came from.
    pub url: String,
}

/// A request for what is there.
pub fn get(url: &str) -> Request {
    request("GET", url)
}

/// A request that leaves *body* there.
pub fn post(url: &str, body: impl Into<Vec<u8>>) -> Request {
    request("POST", url).body(body)
}

/// A request of any method.
pub fn request(method: &str, url: &str) -> Request {
    Request {
        url: url.to_owned(),
        method: method.to_owned(),
        headers: Vec::new(),
        body: None,
        redirect: None,
        timeout: None,
    }
}

impl Request {
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push(vec![name.to_owned(), value.to_owned()]);
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = Some(body.into());
        self
    }

    /// A body of JSON, and the header that says so.
    pub fn json(self, value: impl IntoAnswer) -> Result<Request, Error> {
        Ok(self.header("content-type", "application/json").body(value.into_answer()?))
    }

    pub fn redirect(mut self, redirect: Redirect) -> Request {
        self.redirect = Some(redirect);
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Request {
        self.timeout = Some(timeout);
        self
    }

    /// Waits for the answer; whatever its status is, it is one.
    #[track_caller]
    pub fn send(self) -> Result<Response, Error> {
        let redirect = self.redirect.map(|redirect| match redirect {
            Redirect::Follow => "follow",
            Redirect::Manual => "manual",
            Redirect::Error => "error",
        });
        let request = object! {
            "url" => self.url,
            "method" => self.method,
            "headers" => self.headers,
            "body" => self.body.map_or(Value::Null, Value::Bytes),
            "redirect" => redirect,
            "timeoutMs" => self.timeout.map(|time| time.as_millis() as i64),
        };
        Ok(Response::of(call("fetch", request)?))
    }
}

impl Response {
    fn of(mut answer: Value) -> Response {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let pairs = answer.take("headers");
        let pairs = pairs.as_array().unwrap_or_default().iter();
        let pairs = pairs.filter_map(Value::as_array).filter(|pair| pair.len() == 2);
        Response {
            status: answer.get("status").as_i64().unwrap_or_default(),
            headers: pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
            body: answer.take("body").into_bytes().unwrap_or_default(),
            url: text(answer.get("url")),
        }
    }

    /// The first header of a name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body, which must be UTF-8.
    #[track_caller]
    pub fn text(&self) -> Result<&str, Error> {
        Ok(std::str::from_utf8(&self.body)?)
    }

    /// The value of a body of JSON.
    #[track_caller]
    pub fn json(&self) -> Result<Value, Error> {
        Value::parse(self.text()?)
    }
}
