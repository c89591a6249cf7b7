use std::fmt::Write;

use crate::value::DEPTH_MAX;
use crate::{Error, Object, Value};

pub(crate) fn parse(text: &str) -> Result<Value, Error> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(DEPTH_MAX)?;
    parser.space();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.wrong("there is something after the value")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn wrong(&self, what: &str) -> Error {
        Error::new("BadJson", format!("no JSON at byte {}: {}", self.at, what))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.wrong("a value is missing"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.space();
        match self.peek() {
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'[' | b'{') if depth == 0 => Err(self.wrong("it is nested too deeply")),
            Some(b'[') => self.array(depth - 1),
            Some(b'{') => self.object(depth - 1),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Error> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.skip(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.space();
            if self.skip(b']') {
                return Ok(Value::Array(items));
            }
            if !self.skip(b',') {
                return Err(self.wrong("a comma or ] is missing"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Error> {
        self.at += 1;
        let mut members = Object::new();
        self.space();
        if self.skip(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            if !self.skip(b':') {
                return Err(self.wrong("a colon is missing"));
            }
            let value = self.value(depth)?;
            members.insert(name, value);
            self.space();
            if self.skip(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.skip(b',') {
                return Err(self.wrong("a comma or } is missing"));
            }
        }
    }

    fn digits(&mut self) -> Result<usize, Error> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(self.wrong("a value is missing")),
            count => Ok(count),
        }
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.at;
        self.skip(b'-');
        let zero = self.peek() == Some(b'0');
        if self.digits()? > 1 && zero {
            return Err(self.wrong("a number begins with 0"));
        }
        let mut whole = true;
        if self.skip(b'.') {
            whole = false;
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            whole = false;
            let _ = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        match text.parse::<i64>() {
            // JSON has a -0, but integers have none.
            Ok(number) if whole && (number != 0 || start + 1 == self.at) => {
                return Ok(Value::Integer(number))
            }
            _ => {}
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(self.wrong("the number is too large")),
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        if !self.skip(b'"') {
            return Err(self.wrong("a string is missing"));
        }
        let mut string = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1F)) {
                self.at += 1;
            }
            string.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escaped()?),
                _ => return Err(self.wrong("a string does not end, or has a control character")),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Error> {
        self.at += 1;
        let kind = self.peek();
        self.at += 1;
        Ok(match kind {
            Some(kind @ (b'"' | b'\\' | b'/')) => char::from(kind),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode()?,
            _ => {
                self.at -= 1;
                return Err(self.wrong("there is no such escape"));
            }
        })
    }

    fn four_digits(&mut self) -> Result<u32, Error> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let mut unit = 0;
        for digit in digits.unwrap_or(b"?") {
            match char::from(*digit).to_digit(16) {
                Some(digit) => unit = unit << 4 | digit,
                None => return Err(self.wrong("an escape needs four digits")),
            }
        }
        self.at += 4;
        Ok(unit)
    }

    /// Half of a pair of surrogates alone is U+FFFD.
    fn unicode(&mut self) -> Result<char, Error> {
        let unit = self.four_digits()?;
        if (0xD800..0xDC00).contains(&unit) && self.text[self.at..].starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.four_digits()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or('\u{FFFD}'));
            }
            self.at = before;
        }
        Ok(char::from_u32(unit).unwrap_or('\u{FFFD}'))
    }
}

pub(crate) fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Integer(number) => _ = write!(out, "{}", number),
        Value::Float(number) if number.is_finite() => _ = write!(out, "{:?}", number),
        Value::Float(_) => out.push_str("null"),
        Value::String(text) => quote(text, out),
        Value::Bytes(bytes) => {
            out.push_str("{\"base64\":\"");
            out.push_str(&crate::base64::encode(bytes));
            out.push_str("\"}");
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                quote(name, out);
                out.push(':');
                write(member, out);
            }
            out.push('}');
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[start..at]);
        start = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => _ = write!(out, "\\u{:04x}", byte),
        }
    }
    out.push_str(&text[start..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive() {
        for text in [
            "null",
            "true",
            "[]",
            "{}",
            "-1",
            "9223372036854775807",
            "0.5",
            "-0.0",
            "1e300",
            "[1,[2,{\"a\":null}]]",
            "\"zwei\\nZeilen \\\" \\\\ 日本語 😀 \\u0000\"",
        ] {
            assert_eq!(parse(text).unwrap().to_json(), text);
        }
        assert_eq!(parse(" [ 1 , 2 ] ").unwrap().to_json(), "[1,2]");
        assert_eq!(
            parse(r#""\ud83d\ude00 \ud800 \ud800\u0041""#).unwrap().as_str(),
            Some("😀 \u{FFFD} \u{FFFD}A")
        );
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            " ",
            "nul",
            "01",
            "-",
            "1.",
            "1e",
            ".5",
            "+1",
            "1e999",
            "[",
            "[1,]",
            "[1 2]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{1:2}",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12é\"",
            "\"\n\"",
            "1 2",
            "NaN",
            "\"\\",
        ] {
            assert_eq!(parse(text).unwrap_err().error_type, "BadJson", "{}", text);
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(parse(&nested(DEPTH_MAX)).unwrap().to_json(), nested(DEPTH_MAX));
        assert!(parse(&nested(DEPTH_MAX + 1)).is_err());
        assert!(parse(&"[".repeat(1_000_000)).is_err());
    }
}
