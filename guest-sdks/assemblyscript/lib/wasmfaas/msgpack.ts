// The msgpack of envelopes and calls, sections 5 and 12 of the ABI. What is read of binary data is
// a view of the buffer that it is read from.
import { Json, Kind } from "./json";
import { Writer } from "./writer";

const DEPTH_MAX = 100;

/** Writes a value; a number is an integer where it can be one. */
export function pack(writer: Writer, value: Json): void {
  switch (value.kind) {
    case Kind.Boolean: return writer.byte(value.boolean() ? 0xc3 : 0xc2);
    case Kind.String: return writer.text(value.string());
    case Kind.Number: {
      writer.byte(value.isInteger ? 0xd3 : 0xcb);
      return writer.long(value.isInteger ? value.integer() : reinterpret<u64>(value.number()));
    }
    case Kind.Bytes: {
      const bytes = value.bytes();
      writer.byte(0xc6);
      writer.word(bytes.length);
      return writer.raw(bytes);
    }
    case Kind.Array: {
      const items = value.items;
      writer.byte(0xdd);
      writer.word(items.length);
      for (let index = 0; index < items.length; index++) pack(writer, items[index]);
      return;
    }
    case Kind.Object: {
      const names = value.names;
      writer.byte(0xdf);
      writer.word(names.length);
      for (let index = 0; index < names.length; index++) {
        writer.text(names[index]);
        pack(writer, value.get(names[index]));
      }
      return;
    }
  }
  writer.byte(0xc0);
}

/** The one value that a buffer consists of; null where it does not. */
export function unpack(buffer: ArrayBuffer): Json | null {
  const reader = new Reader(buffer);
  const value = reader.value(0);
  return reader.at == buffer.byteLength ? value : null;
}

class Reader {
  at: i32 = 0;

  constructor(private buffer: ArrayBuffer) {}

  /** Where the next bytes are; 0 where there are not as many. */
  private take(count: i32): usize {
    if (count < 0 || count > this.buffer.byteLength - this.at) return 0;
    const start = changetype<usize>(this.buffer) + this.at;
    this.at += count;
    return start;
  }

  /** A number of 1, 2, 4 or 8 bytes; all ones where there are not as many. */
  private number(width: i32): u64 {
    const start = this.take(width);
    if (start == 0) return u64.MAX_VALUE;
    switch (width) {
      case 1: return load<u8>(start);
      case 2: return bswap<u16>(load<u16>(start));
      case 4: return bswap<u32>(load<u32>(start));
    }
    return bswap<u64>(load<u64>(start));
  }

  value(depth: i32): Json | null {
    const first = this.take(1);
    if (first == 0 || depth > DEPTH_MAX) return null;
    const tag = <i32>load<u8>(first);
    if (tag < 0x80) return Json.of(tag);
    if (tag < 0x90) return this.map(tag & 15, depth);
    if (tag < 0xa0) return this.array(tag & 15, depth);
    if (tag < 0xc0) return this.string(tag & 31);
    if (tag >= 0xe0) return Json.of(tag - 0x100);
    switch (tag) {
      case 0xc0: return new Json();
      case 0xc2: return Json.of(false);
      case 0xc3: return Json.of(true);
      case 0xc4: case 0xc5: case 0xc6: return this.bytes(this.length(1 << (tag - 0xc4)));
      case 0xca: return Json.of(reinterpret<f32>(<u32>this.number(4)));
      case 0xcb: return Json.of(reinterpret<f64>(this.number(8)));
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return Json.of(this.number(1 << (tag - 0xcc)));
      case 0xd0: return Json.of(<i8>this.number(1));
      case 0xd1: return Json.of(<i16>this.number(2));
      case 0xd2: return Json.of(<i32>this.number(4));
      case 0xd3: return Json.of(<i64>this.number(8));
      case 0xd9: case 0xda: case 0xdb: return this.string(this.length(1 << (tag - 0xd9)));
      case 0xdc: case 0xdd: return this.array(this.length(2 << (tag - 0xdc)), depth);
      case 0xde: case 0xdf: return this.map(this.length(2 << (tag - 0xde)), depth);
      // Extensions, which nothing of ours has, are passed over.
      case 0xc7: case 0xc8: case 0xc9: return this.skip(this.length(1 << (tag - 0xc7)) + 1);
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return this.skip((1 << (tag - 0xd4)) + 1);
    }
    return null;
  }

  /** A length; -1 where it is not within the buffer. */
  private length(width: i32): i32 {
    const length = this.number(width);
    return length <= <u64>this.buffer.byteLength ? <i32>length : -1;
  }

  private skip(count: i32): Json | null {
    return this.take(count) == 0 ? null : new Json();
  }

  private string(length: i32): Json | null {
    const start = this.take(length);
    if (start == 0) return null;
    return Json.scalar(Kind.String, String.UTF8.decodeUnsafe(start, length));
  }

  private bytes(length: i32): Json | null {
    const at = this.at;
    if (this.take(length) == 0) return null;
    return Json.of(Uint8Array.wrap(this.buffer, at, length));
  }

  private array(count: i32, depth: i32): Json | null {
    const array = Json.array();
    for (; count != 0; count--) {
      const item = this.value(depth + 1);
      if (item === null) return null;
      array.push(item);
    }
    return array;
  }

  private map(count: i32, depth: i32): Json | null {
    const map = Json.object();
    for (; count != 0; count--) {
      const name = this.value(depth + 1);
      const member = this.value(depth + 1);
      if (name === null || member === null) return null;
      map.set(name.string(), member);
    }
    return map;
  }
}
