use crate::value::DEPTH_MAX;
use crate::{Object, Value};

pub(crate) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xC0),
        Value::Bool(value) => out.push(0xC2 + u8::from(*value)),
        Value::Integer(value) => {
            out.push(0xD3);
            out.extend(value.to_be_bytes());
        }
        Value::Float(value) => {
            out.push(0xCB);
            out.extend(value.to_be_bytes());
        }
        Value::String(value) => write_str(value, out),
        Value::Bytes(value) => {
            head(0xC6, value.len(), out);
            out.extend(value);
        }
        Value::Array(items) => {
            head(0xDD, items.len(), out);
            for item in items {
                write(item, out);
            }
        }
        Value::Object(members) => {
            head(0xDF, members.len(), out);
            for (name, member) in members {
                write_str(name, out);
                write(member, out);
            }
        }
    }
}

/// A tag, and a length in four bytes.
pub(crate) fn head(tag: u8, length: usize, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend((length as u32).to_be_bytes());
}

pub(crate) fn write_str(text: &str, out: &mut Vec<u8>) {
    head(0xDB, text.len(), out);
    out.extend(text.as_bytes());
}

/// The value that the bytes are, and nothing more; None where they are none.
pub(crate) fn read(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader(bytes);
    let value = reader.value(DEPTH_MAX)?;
    reader.0.is_empty().then_some(value)
}

/// What is left to read.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        if size > self.0.len() {
            return None;
        }
        let (taken, left) = self.0.split_at(size);
        self.0 = left;
        Some(taken)
    }

    fn number(&mut self, width: usize) -> Option<u64> {
        let digits = self.take(width)?;
        Some(digits.iter().fold(0, |sum, digit| sum << 8 | u64::from(*digit)))
    }

    fn length(&mut self, width: usize) -> Option<usize> {
        usize::try_from(self.number(width)?).ok()
    }

    /// The number of pairs of a map, which follow.
    pub(crate) fn map(&mut self) -> Option<usize> {
        match self.take(1)?[0] {
            tag @ 0x80..=0x8F => Some(usize::from(tag & 0x0F)),
            0xDE => self.length(2),
            0xDF => self.length(4),
            _ => None,
        }
    }

    /// The bytes of a str or bin.
    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let size = match self.take(1)?[0] {
            tag @ 0xA0..=0xBF => usize::from(tag & 0x1F),
            0xC4 | 0xD9 => self.length(1)?,
            0xC5 | 0xDA => self.length(2)?,
            0xC6 | 0xDB => self.length(4)?,
            _ => return None,
        };
        self.take(size)
    }

    fn text(&mut self, size: usize) -> Option<Value> {
        Some(Value::String(String::from_utf8(self.take(size)?.to_vec()).ok()?))
    }

    pub(crate) fn value(&mut self, depth: usize) -> Option<Value> {
        let tag = self.take(1)?[0];
        Some(match tag {
            0x00..=0x7F => Value::Integer(tag.into()),
            0xE0..=0xFF => Value::Integer((tag as i8).into()),
            0x80..=0x8F => self.members(usize::from(tag & 0x0F), depth)?,
            0x90..=0x9F => self.items(usize::from(tag & 0x0F), depth)?,
            0xA0..=0xBF => self.text(usize::from(tag & 0x1F))?,
            0xC0 => Value::Null,
            0xC2 | 0xC3 => Value::Bool(tag == 0xC3),
            0xC4..=0xC6 => {
                let size = self.length(1 << (tag - 0xC4))?;
                Value::Bytes(self.take(size)?.to_vec())
            }
            0xCA => Value::Float(f32::from_bits(self.number(4)? as u32).into()),
            0xCB => Value::Float(f64::from_bits(self.number(8)?)),
            0xCC..=0xCF => {
                let number = self.number(1 << (tag - 0xCC))?;
                i64::try_from(number).map_or(Value::Float(number as f64), Value::Integer)
            }
            0xD0..=0xD3 => {
                let unused = 64 - 8 * (1 << (tag - 0xD0));
                let number = self.number(1 << (tag - 0xD0))?;
                Value::Integer((number << unused) as i64 >> unused)
            }
            0xD9..=0xDB => {
                let size = self.length(1 << (tag - 0xD9))?;
                self.text(size)?
            }
            0xDC | 0xDD => {
                let count = self.length(2 << (tag - 0xDC))?;
                self.items(count, depth)?
            }
            0xDE | 0xDF => {
                let count = self.length(2 << (tag - 0xDE))?;
                self.members(count, depth)?
            }
            // Extensions and the tag that is never used.
            _ => return None,
        })
    }

    fn items(&mut self, count: usize, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.value(depth)?);
        }
        Some(Value::Array(items))
    }

    fn members(&mut self, count: usize, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let mut members = Object::new();
        for _ in 0..count {
            let name = std::str::from_utf8(self.bytes()?).ok()?.to_owned();
            members.insert(name, self.value(depth)?);
        }
        Some(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object;

    #[test]
    fn values_survive() {
        let value = object! {
            "null" => None::<bool>,
            "bool" => vec![true, false],
            "numbers" => vec![0, -1, i64::MIN, i64::MAX],
            "float" => -0.5,
            "bytes" => Value::Bytes(vec![0, 255]),
            "text" => "日本語",
            "nested" => object! { "" => object! {} },
        };
        let mut packed = Vec::new();
        write(&value, &mut packed);
        assert_eq!(read(&packed), Some(value));
        for size in 0..packed.len() {
            assert_eq!(read(&packed[..size]), None);
        }
    }

    #[test]
    fn every_width_is_read() {
        let integers: [(&[u8], i64); 8] = [
            (b"\x07", 7),
            (b"\xff", -1),
            (b"\xcc\xff", 255),
            (b"\xcd\x01\x00", 256),
            (b"\xd0\xff", -1),
            (b"\xd1\xff\x00", -256),
            (b"\xd2\x80\x00\x00\x00", -(1 << 31)),
            (b"\xcf\x00\x00\x00\x00\x00\x00\x00\x01", 1),
        ];
        for (packed, number) in integers {
            assert_eq!(read(packed), Some(Value::Integer(number)));
        }
        assert_eq!(read(b"\xca\x3f\x00\x00\x00"), Some(Value::Float(0.5)));
        assert_eq!(read(b"\xdc\x00\x01\xc0"), Some(Value::Array(vec![Value::Null])));
        assert_eq!(read(b"\xde\x00\x01\xd9\x01a\xc3"), Some(object! { "a" => true }));
    }

    #[test]
    fn what_is_broken_is_refused() {
        assert_eq!(read(&[0x91; 100_000]), None);
        assert_eq!(read(b"\xdd\xff\xff\xff\xff\xc0"), None);
        assert_eq!(read(b"\xdb\xff\xff\xff\xffa"), None);
        assert_eq!(read(b"\xa1\xff"), None);
        assert_eq!(read(b"\xc1"), None);
    }
}
