import { Parser } from "./parser";
import { Writer } from "./writer";

export enum Kind {
  Null,
  Boolean,
  Number,
  String,
  Array,
  Object,
  /** Of calls to the host; in JSON text they are base64. */
  Bytes,
}

/** A JSON value. Objects keep the order of their members; numbers keep their digits. */
export class Json {
  /** A string, or the digits of a number; "true" of a boolean that is so. */
  text_: string = "";
  items_: Json[] | null = null;
  members_: Map<string, Json> | null = null;
  bytes_: Uint8Array | null = null;

  constructor(readonly kind: Kind = Kind.Null) {}

  /** The value of a string, number, boolean, `Uint8Array`, Json, or an array of these. */
  static of<T>(value: T): Json {
    if (isNullable<T>()) {
      if (changetype<usize>(value) == 0) return new Json();
    }
    if (isBoolean<T>()) return Json.scalar(Kind.Boolean, value ? "true" : "");
    if (isInteger<T>()) return Json.scalar(Kind.Number, value.toString());
    if (isFloat<T>()) return Json.float(<f64>value);
    if (isString<T>()) return Json.scalar(Kind.String, changetype<string>(value));
    if (value instanceof Json) return changetype<Json>(value);
    if (value instanceof Uint8Array) {
      const json = new Json(Kind.Bytes);
      json.bytes_ = changetype<Uint8Array>(value);
      return json;
    }
    if (isArray<T>()) {
      const json = Json.array();
      // @ts-ignore: an array
      for (let index = 0; index < value.length; index++) json.push(value[index]);
      return json;
    }
    ERROR("not a type that JSON has");
    return new Json();
  }

  static null(): Json {
    return new Json();
  }

  static object(): Json {
    const json = new Json(Kind.Object);
    json.members_ = new Map();
    return json;
  }

  static array(): Json {
    const json = new Json(Kind.Array);
    json.items_ = [];
    return json;
  }

  /** The value of JSON text; null where it is none, or nested deeper than 1,000. */
  static parse(text: string): Json | null {
    return Json.read(Uint8Array.wrap(String.UTF8.encode(text)));
  }

  /** The same of text in UTF-8. */
  static read(text: Uint8Array): Json | null {
    return new Parser(text).parse();
  }

  static scalar(kind: Kind, text: string): Json {
    const json = new Json(kind);
    json.text_ = text;
    return json;
  }

  private static float(value: f64): Json {
    // JSON has neither NaN nor infinities.
    if (!isFinite(value)) return new Json();
    const whole = trunc(value) == value && abs(value) < 9007199254740992.0;
    return Json.scalar(Kind.Number, whole ? (<i64>value).toString() : value.toString());
  }

  get isNull(): bool { return this.kind == Kind.Null; }
  get isBoolean(): bool { return this.kind == Kind.Boolean; }
  get isNumber(): bool { return this.kind == Kind.Number; }
  get isString(): bool { return this.kind == Kind.String; }
  get isArray(): bool { return this.kind == Kind.Array; }
  get isObject(): bool { return this.kind == Kind.Object; }

  /** Whether it is a number without fraction or exponent that 64 bits with a sign can hold. */
  get isInteger(): bool {
    if (this.kind != Kind.Number) return false;
    const text = this.text_;
    const first = text.charCodeAt(0) == 0x2d ? 1 : 0;
    for (let index = first; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code < 0x30 || code > 0x39) return false;
    }
    if (text.length - first != 19) return text.length - first < 19;
    return text.substring(first) <= (first == 1 ? "9223372036854775808" : "9223372036854775807");
  }

  /** The value where it is of that type, else `otherwise`. */
  boolean(otherwise: bool = false): bool {
    return this.isBoolean ? this.text_.length > 0 : otherwise;
  }

  number(otherwise: f64 = 0): f64 {
    return this.isNumber ? F64.parseFloat(this.text_) : otherwise;
  }

  integer(otherwise: i64 = 0): i64 {
    return this.isInteger ? I64.parseInt(this.text_) : otherwise;
  }

  string(otherwise: string = ""): string {
    return this.isString ? this.text_ : otherwise;
  }

  /** Bytes that the host sent, or the UTF-8 of a string; empty where it is neither. */
  bytes(): Uint8Array {
    if (this.bytes_ !== null) return this.bytes_!;
    return Uint8Array.wrap(String.UTF8.encode(this.string()));
  }

  /** Items of an array; none of anything else. */
  get items(): Json[] {
    const items = this.items_;
    return items === null ? [] : items;
  }

  /** Names of the members of an object; none of anything else. */
  get names(): string[] {
    const members = this.members_;
    return members === null ? [] : members.keys();
  }

  has(name: string): bool {
    const members = this.members_;
    return members !== null && members.has(name);
  }

  /** The member `name`; null where there is none, so that look-ups can be chained. */
  get(name: string): Json {
    const members = this.members_;
    return members !== null && members.has(name) ? members.get(name) : new Json();
  }

  /** The item at `index`; null where there is none. */
  at(index: i32): Json {
    const items = this.items_;
    return items !== null && index >= 0 && index < items.length ? items[index] : new Json();
  }

  /** Sets a member of an object, to anything that `Json.of` takes; the object. */
  set<T>(name: string, value: T): Json {
    const members = this.members_;
    if (members === null) throw new TypeError("members are of objects: Json.object()");
    members.set(name, Json.of<T>(value));
    return this;
  }

  /** Appends an item to an array; the array. */
  push<T>(value: T): Json {
    const items = this.items_;
    if (items === null) throw new TypeError("items are of arrays: Json.array()");
    items.push(Json.of<T>(value));
    return this;
  }

  /** JSON text. */
  toString(): string {
    const writer = new Writer();
    this.write(writer);
    return String.UTF8.decodeUnsafe(changetype<usize>(writer.buffer), writer.size);
  }

  write(writer: Writer): void {
    switch (this.kind) {
      case Kind.Boolean: return writer.ascii(this.text_.length > 0 ? "true" : "false");
      case Kind.Number: return writer.ascii(this.text_);
      case Kind.String: return writer.quoted(this.text_);
      case Kind.Bytes: return writer.quoted(base64(this.bytes_!));
      case Kind.Array: return this.writeItems(writer);
      case Kind.Object: return this.writeMembers(writer);
    }
    writer.ascii("null");
  }

  private writeItems(writer: Writer): void {
    const items = this.items_!;
    writer.byte(0x5b);
    for (let index = 0; index < items.length; index++) {
      if (index > 0) writer.byte(0x2c);
      items[index].write(writer);
    }
    writer.byte(0x5d);
  }

  private writeMembers(writer: Writer): void {
    const members = this.members_!;
    const names = members.keys();
    writer.byte(0x7b);
    for (let index = 0; index < names.length; index++) {
      if (index > 0) writer.byte(0x2c);
      writer.quoted(names[index]);
      writer.byte(0x3a);
      members.get(names[index]).write(writer);
    }
    writer.byte(0x7d);
  }
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The base64 of bytes. */
export function base64(bytes: Uint8Array): string {
  const size = (bytes.length + 2) / 3 * 4;
  const text = changetype<string>(__new(<usize>size << 1, idof<string>()));
  let at = changetype<usize>(text);
  for (let index = 0; index < bytes.length; index += 3) {
    const left = bytes.length - index;
    const word = <u32>bytes[index] << 16
      | (left > 1 ? <u32>bytes[index + 1] << 8 : 0) | (left > 2 ? <u32>bytes[index + 2] : 0);
    for (let digit = 0; digit < 4; digit++) {
      const code = digit > left ? 0x3d : DIGITS.charCodeAt((word >> (18 - 6 * digit)) & 63);
      store<u16>(at, <u16>code);
      at += 2;
    }
  }
  return text;
}

/** The bytes of base64; null where it is none. */
export function unbase64(text: string): Uint8Array | null {
  let size = text.length;
  if (size % 4 != 0) return null;
  while (size > 0 && size > text.length - 2 && text.charCodeAt(size - 1) == 0x3d) size--;
  const bytes = new Uint8Array(size * 3 / 4);
  let word: u32 = 0;
  for (let index = 0, at = 0; index < size; index++) {
    const digit = digitOf(text.charCodeAt(index));
    if (digit < 0) return null;
    word = word << 6 | <u32>digit;
    const bits = (index + 1) * 6 - at * 8;
    if (bits >= 8) bytes[at++] = <u8>(word >> (bits - 8));
  }
  return bytes;
}

function digitOf(code: i32): i32 {
  if (code >= 0x41 && code <= 0x5a) return code - 0x41;
  if (code >= 0x61 && code <= 0x7a) return code - 0x61 + 26;
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + 52;
  return code == 0x2b ? 62 : code == 0x2f ? 63 : -1;
}
