// Bytes that grow: JSON text and msgpack, section 5 of the ABI, are written to them.

const HEX = "0123456789abcdef";

export class Writer {
  buffer: ArrayBuffer;
  size: i32 = 0;

  constructor(capacity: i32 = 512) {
    this.buffer = new ArrayBuffer(capacity);
  }

  get bytes(): Uint8Array {
    return Uint8Array.wrap(this.buffer, 0, this.size);
  }

  /** Makes room for more bytes; where they begin. */
  private room(count: i32): usize {
    const capacity = this.buffer.byteLength;
    if (count > capacity - this.size) {
      const grown = new ArrayBuffer(max(capacity * 2, this.size + count));
      memory.copy(changetype<usize>(grown), changetype<usize>(this.buffer), this.size);
      this.buffer = grown;
    }
    const start = changetype<usize>(this.buffer) + this.size;
    this.size += count;
    return start;
  }

  byte(value: i32): void {
    store<u8>(this.room(1), <u8>value);
  }

  word(value: u32): void {
    store<u32>(this.room(4), bswap<u32>(value));
  }

  long(value: u64): void {
    store<u64>(this.room(8), bswap<u64>(value));
  }

  /** Puts a word where one was written before. */
  patch(at: i32, value: u32): void {
    store<u32>(changetype<usize>(this.buffer) + at, bswap<u32>(value));
  }

  raw(bytes: Uint8Array): void {
    memory.copy(this.room(bytes.length), bytes.dataStart, bytes.length);
  }

  ascii(text: string): void {
    const start = this.room(text.length);
    for (let index = 0; index < text.length; index++) {
      store<u8>(start + index, <u8>text.charCodeAt(index));
    }
  }

  /** Text in UTF-8 with its length, as msgpack has it; a lone surrogate becomes U+FFFD. */
  text(value: string): void {
    this.byte(0xdb);
    const at = this.size;
    this.word(0);
    for (let index = 0; index < value.length; index++) {
      let code = <u32>value.charCodeAt(index);
      if ((code & 0xf800) == 0xd800) {
        const pair = value.codePointAt(index);
        if (pair >= 0x10000) index++;
        code = pair >= 0x10000 ? <u32>pair : 0xfffd;
      }
      this.rune(code);
    }
    this.patch(at, this.size - at - 4);
  }

  /** A JSON string. A lone surrogate, which UTF-8 cannot have, is written by its number. */
  quoted(value: string): void {
    this.byte(0x22);
    for (let index = 0; index < value.length; index++) {
      const code = <u32>value.charCodeAt(index);
      if (code >= 0x20 && code < 0x80 && code != 0x22 && code != 0x5c) {
        this.byte(code);
      } else if (code < 0x80) {
        this.escaped(code);
      } else if ((code & 0xf800) == 0xd800) {
        const pair = value.codePointAt(index);
        if (pair >= 0x10000) {
          index++;
          this.rune(<u32>pair);
        } else {
          this.escaped(code);
        }
      } else {
        this.rune(code);
      }
    }
    this.byte(0x22);
  }

  private escaped(code: u32): void {
    this.byte(0x5c);
    switch (code) {
      case 0x22: case 0x5c: return this.byte(code);
      case 0x0a: return this.byte(0x6e);
      case 0x0d: return this.byte(0x72);
      case 0x09: return this.byte(0x74);
    }
    this.byte(0x75);
    for (let shift: i32 = 12; shift >= 0; shift -= 4) {
      this.byte(HEX.charCodeAt((code >> shift) & 15));
    }
  }

  private rune(code: u32): void {
    if (code < 0x80) return this.byte(code);
    if (code < 0x800) {
      this.byte(0xc0 | (code >> 6));
    } else {
      if (code < 0x10000) {
        this.byte(0xe0 | (code >> 12));
      } else {
        this.byte(0xf0 | (code >> 18));
        this.byte(0x80 | ((code >> 12) & 0x3f));
      }
      this.byte(0x80 | ((code >> 6) & 0x3f));
    }
    this.byte(0x80 | (code & 0x3f));
  }
}
