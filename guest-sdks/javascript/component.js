// What is left to do on a component that componentize-qjs made.
const SECTION_EXPORT = 11; // of the component model's binary format
const PREAMBLE_BYTES = 8;
// The build's own start-up stays behind as an export of the name that the ABI has for another one.
const LEFT_OVER = Uint8Array.of(0, 4, ...Buffer.from("init"));
const RENAMED = Uint8Array.of(0, 11, ...Buffer.from("left-behind"));

/** *component* with the export `init` renamed, so that it is no function's `init`. */
export function withoutInit(component) {
  const parts = [component.subarray(0, PREAMBLE_BYTES)];
  for (let at = PREAMBLE_BYTES; at < component.length; ) {
    const [size, start] = unsigned(component, at + 1);
    const content = component.subarray(start, start + size);
    const found = component[at] === SECTION_EXPORT ? content.indexOf(LEFT_OVER) : -1;
    if (found < 0) parts.push(component.subarray(at, start + size));
    else {
      const changed = [content.subarray(0, found), RENAMED, content.subarray(found + LEFT_OVER.length)];
      const length = changed.reduce((sum, part) => sum + part.length, 0);
      parts.push(Uint8Array.of(SECTION_EXPORT, ...leb128(length)), ...changed);
    }
    at = start + size;
  }
  return Buffer.concat(parts);
}

/** The LEB128 number at *at*, and where what follows it is. */
function unsigned(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

function leb128(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}
