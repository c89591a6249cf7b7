import { Json, Kind } from "./json";

const DEPTH_MAX = 1000;

/** Reads JSON text, RFC 8259. */
export class Parser {
  private at: usize;
  private end: usize;

  // The text is kept, so that it is not collected while it is read.
  constructor(private text: Uint8Array) {
    this.at = text.dataStart;
    this.end = this.at + text.length;
  }

  /** The value; null where it is none. */
  parse(): Json | null {
    const value = this.value(0);
    this.space();
    return this.at == this.end ? value : null;
  }

  /** The byte that is next; -1 at the end. */
  private get next(): i32 {
    return this.at < this.end ? <i32>load<u8>(this.at) : -1;
  }

  private space(): void {
    for (;;) {
      const byte = this.next;
      if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return;
      this.at++;
    }
  }

  private take(byte: i32): bool {
    this.space();
    if (this.next != byte) return false;
    this.at++;
    return true;
  }

  private value(depth: i32): Json | null {
    if (depth > DEPTH_MAX) return null;
    this.space();
    switch (this.next) {
      case 0x7b: return this.object(depth);
      case 0x5b: return this.array(depth);
      case 0x22: {
        const text = this.string();
        return text === null ? null : Json.scalar(Kind.String, text);
      }
      case 0x6e: return this.word("null") ? new Json() : null;
      case 0x74: return this.word("true") ? Json.of(true) : null;
      case 0x66: return this.word("false") ? Json.of(false) : null;
    }
    return this.number();
  }

  private word(word: string): bool {
    for (let index = 0; index < word.length; index++) {
      if (this.next != word.charCodeAt(index)) return false;
      this.at++;
    }
    return true;
  }

  private digits(): bool {
    const start = this.at;
    while (this.next >= 0x30 && this.next <= 0x39) this.at++;
    return this.at > start;
  }

  private number(): Json | null {
    const start = this.at;
    if (this.next == 0x2d) this.at++;
    if (this.next == 0x30) this.at++;
    else if (!this.digits()) return null;
    if (this.next == 0x2e) {
      this.at++;
      if (!this.digits()) return null;
    }
    if (this.next == 0x65 || this.next == 0x45) {
      this.at++;
      if (this.next == 0x2b || this.next == 0x2d) this.at++;
      if (!this.digits()) return null;
    }
    return Json.scalar(Kind.Number, String.UTF8.decodeUnsafe(start, this.at - start));
  }

  private array(depth: i32): Json | null {
    const array = Json.array();
    const items = array.items;
    this.at++;
    if (this.take(0x5d)) return array;
    while (true) {
      const item = this.value(depth + 1);
      if (item === null) return null;
      items.push(item);
      if (!this.take(0x2c)) return this.take(0x5d) ? array : null;
    }
  }

  private object(depth: i32): Json | null {
    const object = Json.object();
    const members = object.members_!;
    this.at++;
    if (this.take(0x7d)) return object;
    while (true) {
      this.space();
      const name = this.string();
      if (name === null || !this.take(0x3a)) return null;
      const member = this.value(depth + 1);
      if (member === null) return null;
      members.set(name, member);
      if (!this.take(0x2c)) return this.take(0x7d) ? object : null;
    }
  }

  private string(): string | null {
    if (this.next != 0x22) return null;
    const start = ++this.at;
    let plain = true;
    for (;;) {
      const byte = this.next;
      if (byte == 0x22) break;
      if (byte < 0x20) return null;
      if (byte == 0x5c) {
        plain = false;
        this.at++;
        if (this.next < 0) return null;
      }
      this.at++;
    }
    const end = this.at++;
    return plain ? String.UTF8.decodeUnsafe(start, end - start) : unescaped(start, end);
  }
}

/** The string whose JSON is between two addresses; null where it is none. */
function unescaped(start: usize, end: usize): string | null {
  // No byte makes more than one unit of UTF-16.
  const text = changetype<string>(__new((end - start) << 1, idof<string>()));
  let out = changetype<usize>(text);
  while (start < end) {
    const byte = <u32>load<u8>(start++);
    if (byte == 0x5c) {
      const unit = escaped(start, end);
      if (unit < 0) return null;
      start += load<u8>(start) == 0x75 ? 5 : 1;
      store<u16>(out, <u16>unit);
      out += 2;
    } else if (byte < 0x80) {
      store<u16>(out, <u16>byte);
      out += 2;
    } else {
      const run = start - 1;
      while (start < end && load<u8>(start) >= 0x80) start++;
      const decoded = String.UTF8.decodeUnsafe(run, start - run);
      const size = <usize>decoded.length << 1;
      memory.copy(out, changetype<usize>(decoded), size);
      out += size;
    }
  }
  return text.substring(0, <i32>((out - changetype<usize>(text)) >> 1));
}

/** The unit that an escape, without its backslash, stands for; -1 where it is none. */
function escaped(at: usize, end: usize): i32 {
  switch (<i32>load<u8>(at)) {
    case 0x22: return 0x22;
    case 0x5c: return 0x5c;
    case 0x2f: return 0x2f;
    case 0x62: return 0x08;
    case 0x66: return 0x0c;
    case 0x6e: return 0x0a;
    case 0x72: return 0x0d;
    case 0x74: return 0x09;
    case 0x75: break;
    default: return -1;
  }
  if (end - at < 5) return -1;
  let unit = 0;
  for (let index: usize = 1; index < 5; index++) {
    const byte = <i32>load<u8>(at + index);
    const small = byte | 0x20;
    if (byte >= 0x30 && byte <= 0x39) unit = unit << 4 | (byte - 0x30);
    else if (small >= 0x61 && small <= 0x66) unit = unit << 4 | (small - 0x57);
    else return -1;
  }
  return unit;
}
