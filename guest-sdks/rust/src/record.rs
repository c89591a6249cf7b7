/// A struct whose fields are the members of an object, read from events and written to answers:
///
/// ```
/// wasmfaas::record! {
///     /// Null, or not there, is None.
///     #[derive(Debug)]
///     pub struct Order { pub item: String, pub count: Option<i64> }
/// }
/// ```
///
/// Members that have no field are ignored.
#[macro_export]
macro_rules! record {
    ($(
        $(#[$about:meta])*
        $visible:vis struct $name:ident {
            $($(#[$field_about:meta])* $field_visible:vis $field:ident: $kind:ty),* $(,)?
        }
    )*) => {$(
        $(#[$about])*
        $visible struct $name { $($(#[$field_about])* $field_visible $field: $kind),* }

        impl $crate::FromValue for $name {
            #[allow(unused_mut, unused_variables)]
            fn from_value(mut value: $crate::Value) -> Result<Self, String> {
                if value.as_object().is_none() {
                    return Err(String::from("an object"));
                }
                Ok($name {
                    $($field: $crate::FromValue::from_value(
                        value.take(stringify!($field).trim_start_matches("r#"))
                    ).map_err(|what: String| {
                        format!("{} \"{}\"", what, stringify!($field).trim_start_matches("r#"))
                    })?,)*
                })
            }
        }

        impl $crate::IntoValue for $name {
            fn into_value(self) -> $crate::Value {
                // Of an event nothing may have been read.
                #[allow(unused_mut)]
                let mut members = $crate::Object::new();
                $(members.insert(
                    String::from(stringify!($field).trim_start_matches("r#")),
                    $crate::IntoValue::into_value(self.$field),
                );)*
                $crate::Value::Object(members)
            }
        }
    )*};
}
