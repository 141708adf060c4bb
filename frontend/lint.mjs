// Two rules that keep mathematics out of the view, and one that keeps the page within its security policy.
//
//   1. Outside axis.ts, of Math only what places pixels may be used: no exp, log, pow, tanh, not by any spelling.
//   2. Nowhere is a number made into words: what a reader sees was written by Python.
//   3. No markup from strings, no code from strings, nothing fetched from elsewhere.
//
// Each file is read as esbuild prints it without types and comments, so that no prose trips a rule.

import { transform } from "esbuild";
import { readdir, readFile } from "node:fs/promises";
import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "src");
const PIXEL_MATH = ["abs", "ceil", "floor", "max", "min", "round", "sign"];

const MATHEMATICS = [
  [new RegExp(`\\bMath\\b(?!\\.(?:${PIXEL_MATH.join("|")})\\b)`), `of Math only ${PIXEL_MATH.join(", ")} may be used outside axis.ts`],
  [/\*\*/, "** belongs to axis.ts, if anywhere"],
];
const NUMBERS = [
  [/\.(toFixed|toExponential|toLocaleString)\b|\bIntl\b/, "numbers are written by Python"],
  [/\.toPrecision\b/, "numbers are written by Python; axis.ts alone rounds what a pointer asks for", "axis.ts"],
];
const POLICY = [
  [/\b(innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write)\b/, "no markup from strings"],
  [/\beval\b|\bnew Function\b|\bimport\(/, "no code from strings or at a later time"],
  [/["'`]((https?:|wss?:)?\/\/(?!www\.w3\.org\/)|data:)/, "nothing comes from another place"],
  [/\bfetch\(|\bXMLHttpRequest\b|\bsendBeacon\b/, "the only wire is the model", "worker.ts"],
];

let found = 0;
for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const kind = extname(entry.name).slice(1);
  if (!entry.isFile() || !["ts", "tsx"].includes(kind)) continue;
  const { code } = await transform(await readFile(path, "utf8"), { loader: kind, jsx: "automatic", minifyWhitespace: true });
  const bare = code.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""');
  const rules = [...(entry.name === "axis.ts" ? [] : MATHEMATICS), ...NUMBERS, ...POLICY];
  for (const [pattern, reason, except] of rules) {
    const text = POLICY.some(([p]) => p === pattern) ? code : bare; // words may speak of Math; addresses are words
    const hit = except === entry.name ? null : pattern.exec(text);
    if (!hit) continue;
    found++;
    console.error(`${relative(root, path)}: ${reason}; found in: …${text.slice(Math.max(hit.index - 30, 0), hit.index + 40)}…`);
  }
}
if (found > 0) {
  console.error(`${found} ${found === 1 ? "place breaks" : "places break"} the rules of lint.mjs.`);
  process.exit(1);
}
