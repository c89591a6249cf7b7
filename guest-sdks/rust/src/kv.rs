//! The key-value store, for functions whose permissions give it.

use std::time::Duration;

use crate::host::call;
use crate::{Error, IntoValue, Object, Value};

/// Keys and their values, in a namespace.
#[derive(Clone, Debug, Default)]
pub struct Store {
    namespace: Option<String>,
}

/// A value, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub value: Vec<u8>,
    pub version: i64,
    /// In milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
}

/// Conditions of [`Store::set_with`].
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// How long the value lives.
    pub time_to_live: Option<Duration>,
    /// The version that must be there, 0 for "the key is not there"; else `VersionConflict`.
    pub if_version: Option<i64>,
}

/// A page of keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys {
    pub keys: Vec<Key>,
    /// `after` of the next page.
    pub next: Option<String>,
}

/// A key in a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub key: String,
    pub version: i64,
    pub expires_at_ms: Option<i64>,
}

/// The store of the function's own namespace.
pub fn store() -> Store {
    Store::default()
}

impl Store {
    /// The store of a namespace that has a name.
    pub fn in_namespace(name: &str) -> Store {
        Store { namespace: Some(name.to_owned()) }
    }

    #[track_caller]
    fn ask(&self, op: &str, members: Vec<(&str, Value)>) -> Result<Value, Error> {
        let named = members.into_iter().map(|(name, value)| (name.to_owned(), value));
        let mut request: Object = named.filter(|(_, value)| !value.is_null()).collect();
        if let Some(namespace) = &self.namespace {
            request.insert("namespace".to_owned(), namespace.clone().into_value());
        }
        call(op, Value::Object(request))
    }

    /// None for a key that is not there.
    #[track_caller]
    pub fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        let mut answer = self.ask("kv.get", vec![("key", key.into_value())])?;
        Ok(answer.take("value").into_bytes().map(|value| Entry {
            value,
            version: answer.get("version").as_i64().unwrap_or_default(),
            expires_at_ms: answer.get("expiresAtMs").as_i64(),
        }))
    }

    /// The new version.
    #[track_caller]
    pub fn set(&self, key: &str, value: impl Into<Vec<u8>>) -> Result<i64, Error> {
        self.set_with(key, value, Setting::default())
    }

    /// The new version.
    #[track_caller]
    pub fn set_with(
        &self,
        key: &str,
        value: impl Into<Vec<u8>>,
        setting: Setting,
    ) -> Result<i64, Error> {
        let milliseconds = setting.time_to_live.map(|time| time.as_millis() as i64);
        let members = vec![
            ("key", key.into_value()),
            ("value", Value::Bytes(value.into())),
            ("ttlMs", milliseconds.into_value()),
            ("ifVersion", setting.if_version.into_value()),
        ];
        Ok(self.ask("kv.set", members)?.get("version").as_i64().unwrap_or_default())
    }

    /// Whether it was there.
    #[track_caller]
    pub fn delete(&self, key: &str, if_version: Option<i64>) -> Result<bool, Error> {
        let members = vec![("key", key.into_value()), ("ifVersion", if_version.into_value())];
        Ok(self.ask("kv.delete", members)?.get("deleted").as_bool().unwrap_or_default())
    }

    /// Up to `limit` keys, 1 to 1000, that begin with `prefix`, by their bytes.
    #[track_caller]
    pub fn list(&self, prefix: &str, limit: i64, after: Option<&str>) -> Result<Keys, Error> {
        let members = vec![
            ("prefix", prefix.into_value()),
            ("limit", limit.into_value()),
            ("after", after.into_value()),
        ];
        let answer = self.ask("kv.list", members)?;
        let keys = answer.get("keys").as_array().unwrap_or_default().iter().map(|key| Key {
            key: key.get("key").as_str().unwrap_or_default().to_owned(),
            version: key.get("version").as_i64().unwrap_or_default(),
            expires_at_ms: key.get("expiresAtMs").as_i64(),
        });
        let next = answer.get("next").as_str().map(str::to_owned);
        Ok(Keys { keys: keys.collect(), next })
    }
}
