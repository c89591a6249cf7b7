use std::collections::BTreeMap;

/// How deep values from outside may be nested.
pub const DEPTH_MAX: usize = 512;

/// The members of an object.
pub type Object = BTreeMap<String, Value>;

/// A value of JSON, or of a call to the host, where there are bytes, too.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    /// A number without a fraction that fits.
    Integer(i64),
    Float(f64),
    String(String),
    /// `{"base64": …}` where it is written as JSON.
    Bytes(Vec<u8>),
    Array(Vec<Value>),
    Object(Object),
}

static NULL: Value = Value::Null;

impl Value {
    /// The member of an object; null where there is none, and of anything else.
    pub fn get(&self, name: &str) -> &Value {
        match self {
            Value::Object(members) => members.get(name).unwrap_or(&NULL),
            _ => &NULL,
        }
    }

    /// Takes a member out of an object, as `get` shows it.
    pub fn take(&mut self, name: &str) -> Value {
        match self {
            Value::Object(members) => members.remove(name).unwrap_or(Value::Null),
            _ => Value::Null,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// Any number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The bytes of bytes or of a string.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Value::Bytes(value) => Some(value),
            Value::String(value) => Some(value.into_bytes()),
            _ => None,
        }
    }

    /// This value of a JSON text; an error of type `BadJson` says where it is none.
    pub fn parse(text: &str) -> Result<Value, crate::Error> {
        crate::json::parse(text)
    }

    /// This value as JSON text. What JSON has no number for, such as infinity, is null.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        crate::json::write(self, &mut text);
        text
    }
}

/// An object: `object! { "name" => value, … }`, of any values that [`IntoValue`](crate::IntoValue)
/// is for.
#[macro_export]
macro_rules! object {
    ($($name:expr => $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut members = $crate::Object::new();
        $(members.insert(::std::string::String::from($name), $crate::IntoValue::into_value($value));)*
        $crate::Value::Object(members)
    }};
}
