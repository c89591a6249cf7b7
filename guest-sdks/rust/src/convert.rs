use crate::{Error, Object, Value};

/// JSON text, as it came or as it is to go: for libraries of your own, such as serde_json.
#[derive(Clone, Debug, PartialEq)]
pub struct RawJson(pub String);

/// What a handler can take: whatever [`FromValue`] is for, [`RawJson`], or your own.
pub trait FromEvent: Sized {
    /// Reads an event, JSON text.
    fn from_event(text: &str) -> Result<Self, Error>;
}

/// What a handler can answer with: whatever [`IntoValue`] is for, [`RawJson`], or your own.
pub trait IntoAnswer {
    /// The answer, JSON text.
    fn into_answer(self) -> Result<String, Error>;
}

impl FromEvent for RawJson {
    fn from_event(text: &str) -> Result<Self, Error> {
        Ok(RawJson(text.to_owned()))
    }
}

impl IntoAnswer for RawJson {
    fn into_answer(self) -> Result<String, Error> {
        Ok(self.0)
    }
}

impl<T: FromValue> FromEvent for T {
    fn from_event(text: &str) -> Result<Self, Error> {
        let bad = |error: Error| Error { error_type: "BadEvent".to_owned(), ..error };
        T::from_value(Value::parse(text).map_err(bad)?)
            .map_err(|what| Error::new("BadEvent", format!("the event needs {}", what)))
    }
}

impl<T: IntoValue> IntoAnswer for T {
    fn into_answer(self) -> Result<String, Error> {
        Ok(self.into_value().to_json())
    }
}

/// What can be read from a value. [`record!`](crate::record) is for structs.
pub trait FromValue: Sized {
    /// Fails with what is needed instead, such as `a string`.
    fn from_value(value: Value) -> Result<Self, String>;
}

/// What can be made a value of. [`record!`](crate::record) is for structs.
pub trait IntoValue {
    fn into_value(self) -> Value;
}

macro_rules! scalars {
    ($($kind:ty, $what:expr, $pattern:pat => $read:expr, $own:ident => $write:expr;)*) => {$(
        impl FromValue for $kind {
            fn from_value(value: Value) -> Result<Self, String> {
                match value {
                    $pattern => Ok($read),
                    _ => Err($what.to_owned()),
                }
            }
        }

        impl IntoValue for $kind {
            fn into_value(self) -> Value {
                let $own = self;
                $write
            }
        }
    )*};
}

scalars! {
    bool, "a boolean", Value::Bool(value) => value, own => Value::Bool(own);
    String, "a string", Value::String(value) => value, own => Value::String(own);
    i64, "an integer", Value::Integer(value) => value, own => Value::Integer(own);
    Object, "an object", Value::Object(value) => value, own => Value::Object(own);
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, String> {
        Ok(value)
    }
}

impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

macro_rules! integers {
    ($($kind:ty)*) => {$(
        impl FromValue for $kind {
            fn from_value(value: Value) -> Result<Self, String> {
                let number = value.as_i64().and_then(|number| <$kind>::try_from(number).ok());
                number.ok_or_else(|| format!("an integer, {} to {},", <$kind>::MIN, <$kind>::MAX))
            }
        }

        impl IntoValue for $kind {
            fn into_value(self) -> Value {
                Value::Integer(self.into())
            }
        }
    )*};
}

integers! { i8 u8 i16 u16 i32 u32 }

impl FromValue for f64 {
    fn from_value(value: Value) -> Result<Self, String> {
        value.as_f64().ok_or_else(|| "a number".to_owned())
    }
}

impl IntoValue for f64 {
    fn into_value(self) -> Value {
        Value::Float(self)
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::String(self.to_owned())
    }
}

impl IntoValue for () {
    fn into_value(self) -> Value {
        Value::Null
    }
}

/// None is null, or a member that is not there.
impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Array(items) => items.into_iter().map(T::from_value).collect(),
            _ => Err("an array".to_owned()),
        }
    }
}

impl<T: IntoValue> IntoValue for Vec<T> {
    fn into_value(self) -> Value {
        Value::Array(self.into_iter().map(T::into_value).collect())
    }
}
