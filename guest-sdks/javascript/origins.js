// Which line of a bundle comes from which line of which source, out of its source map.
import { SourceMap } from "node:module";
import { relative, resolve } from "node:path";

/**
 * What guest/traces.js takes, for a bundle with a source map: the sources are those for which *isOwn*
 * holds, named as seen from *folder*.
 */
export function originsOf({ code, map }, folder, isOwn) {
  const sources = [];
  const lines = {};
  const parsed = new SourceMap({ ...map, sourceRoot: undefined });
  code.split("\n").forEach((text, index) => {
    const entry = parsed.findEntry(index, Math.max(0, text.length - 1));
    // What has no mapping of its own gets that of an earlier line.
    if (entry.generatedLine !== index || entry.originalSource === undefined) return;
    const path = resolve(decodeURIComponent(entry.originalSource.replace(/^file:\/\//, "")));
    if (!isOwn(path)) return;
    const name = relative(folder, path);
    if (!sources.includes(name)) sources.push(name);
    const first = parsed.findEntry(index, text.search(/\S|$/));
    const line = (first.generatedLine === index ? first : entry).originalLine;
    lines[index + 1] = [sources.indexOf(name), line + 1];
  });
  return { sources, lines };
}
