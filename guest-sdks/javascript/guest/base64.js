// Bytes as text of a JSON document, with the engine's own methods where it has them: QuickJS does.
const CHUNK_BYTES = 4096; // made into a string at once: arguments are on the stack

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  if (typeof bytes.toBase64 === "function") return bytes.toBase64();
  let characters = "";
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES)
    characters += String.fromCharCode(...bytes.subarray(start, start + CHUNK_BYTES));
  return btoa(characters);
}

/** @param {string} text @returns {Uint8Array} */
export function fromBase64(text) {
  if (typeof Uint8Array.fromBase64 === "function") return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** The bytes of an ArrayBuffer or of any view of one; undefined where *value* is neither. */
export function bytesOf(value) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
