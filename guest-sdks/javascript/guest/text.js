// TextEncoder and TextDecoder, for UTF-8.
const REPLACEMENT = 0xfffd;
const CHUNK = 4096; // characters made into a string at once: arguments are on the stack
// Of the lead byte's class: bits it holds, and the least code point, by the number of bytes after it.
const BITS = [0x7f, 0x1f, 0x0f, 0x07];
const LEAST = [0, 0x80, 0x800, 0x10000];

export class TextEncoder {
  get encoding() {
    return "utf-8";
  }

  encode(text = "") {
    text = `${text}`;
    let bytes = new Uint8Array(text.length);
    let length = 0;
    for (let index = 0; index < text.length; index++) {
      let code = text.charCodeAt(index);
      if (code < 0x80) {
        if (length === bytes.length) bytes = grown(bytes, text.length - index);
        bytes[length++] = code;
        continue;
      }
      if (code >= 0xd800 && code < 0xe000) {
        const low = code < 0xdc00 ? text.charCodeAt(index + 1) : NaN;
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          index++;
        } else code = REPLACEMENT;
      }
      if (length + 4 > bytes.length) bytes = grown(bytes, (text.length - index) * 3 + 4);
      length = put(bytes, length, code);
    }
    return bytes.slice(0, length);
  }

  encodeInto(text, target) {
    let read = 0;
    let written = 0;
    for (const character of `${text}`) {
      const bytes = this.encode(character);
      if (written + bytes.length > target.length) break;
      target.set(bytes, written);
      written += bytes.length;
      read += character.length;
    }
    return { read, written };
  }
}

function grown(bytes, by) {
  const larger = new Uint8Array(bytes.length + by);
  larger.set(bytes);
  return larger;
}

function put(bytes, at, code) {
  if (code < 0x800) bytes[at++] = 0xc0 | (code >> 6);
  else {
    if (code < 0x10000) bytes[at++] = 0xe0 | (code >> 12);
    else {
      bytes[at++] = 0xf0 | (code >> 18);
      bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
    }
    bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
  }
  bytes[at++] = 0x80 | (code & 0x3f);
  return at;
}

export class TextDecoder {
  #left = new Uint8Array(0);
  #begun = false;

  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    if (!/^\s*(utf-?8|unicode-1-1-utf-8)\s*$/i.test(label))
      throw new RangeError(`TextDecoder knows utf-8 only, not ${label}`);
    this.fatal = Boolean(fatal);
    this.ignoreBOM = Boolean(ignoreBOM);
  }

  get encoding() {
    return "utf-8";
  }

  decode(input = new Uint8Array(0), { stream = false } = {}) {
    let bytes = octets(input);
    if (this.#left.length > 0) {
      const rest = bytes;
      bytes = grown(this.#left, rest.length);
      bytes.set(rest, this.#left.length);
    }
    const end = stream ? whole(bytes) : bytes.length;
    this.#left = bytes.slice(end);
    let text = decoded(bytes.subarray(0, end), this.fatal);
    if (!this.#begun && !this.ignoreBOM && text.startsWith("\ufeff")) text = text.slice(1);
    this.#begun = stream && (this.#begun || end > 0);
    return text;
  }
}

function octets(input) {
  if (input instanceof Uint8Array) return input;
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  return new Uint8Array(input);
}

/** How many of *bytes* can be decoded before what comes next is known. */
function whole(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) break;
    if (byte >= 0xc0) return following(byte) >= back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Bytes that follow a lead byte; 0 also for what is none. */
function following(lead) {
  if (lead >= 0xc2 && lead < 0xe0) return 1;
  if (lead >= 0xe0 && lead < 0xf0) return 2;
  return lead >= 0xf0 && lead < 0xf5 ? 3 : 0;
}

function decoded(bytes, fatal) {
  let text = "";
  let codes = [];
  for (let index = 0; index < bytes.length; ) {
    const [code, length] = codePoint(bytes, index);
    if (code < 0 && fatal) throw new TypeError(`the bytes are not UTF-8 at offset ${index}`);
    codes.push(code < 0 ? REPLACEMENT : code);
    index += length;
    if (codes.length === CHUNK) {
      text += String.fromCodePoint(...codes);
      codes = [];
    }
  }
  return text + String.fromCodePoint(...codes);
}

/** The code point at *index* and its length in bytes; -1 where there is none. */
function codePoint(bytes, index) {
  const lead = bytes[index];
  if (lead < 0x80) return [lead, 1];
  const count = following(lead);
  if (count === 0) return [-1, 1];
  let code = lead & BITS[count];
  for (let done = 1; done <= count; done++) {
    const byte = bytes[index + done];
    if (byte === undefined || (byte & 0xc0) !== 0x80) return [-1, done];
    code = (code << 6) | (byte & 0x3f);
    // What cannot become a valid one ends here, as the Encoding Standard has it.
    if (done === 1 && count > 1) {
      const top = (code << (6 * (count - 1))) >>> 0;
      const room = top + (1 << (6 * (count - 1)));
      if (room <= LEAST[count] || top > 0x10ffff || (top >= 0xd800 && top < 0xe000)) return [-1, 1];
    }
  }
  return [code, count + 1];
}
