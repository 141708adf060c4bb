// Start Python once, import the engine of a built site, let it draw, and keep a picture of its memory: a page that
// wakes from it is useful seven times sooner than one that starts Python. Usage: node snapshot.mjs SITE
//
// Pyodide calls this experimental, and it holds for one build of Pyodide only; its version is pinned in package.json.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { loadPyodide } from "pyodide";

const site = process.argv[2];
const zip = await readFile(join(site, "engine.zip"));
const py = await loadPyodide({ _makeSnapshot: true });
py.unpackArchive(new Uint8Array(zip).buffer, "zip", { extractDir: "/xent" });
py.runPython(`
import gc, json, sys
sys.path.insert(0, "/xent")
from xent.explorer.answer import answer_text
from xent.explorer.engine import EXPERIMENTS

for name in EXPERIMENTS:
    assert "view" in json.loads(answer_text(json.dumps({"seq": 0, "url": f"x={name}", "actions": []})))
gc.collect()
`);
await writeFile(join(site, "engine.snapshot"), gzipSync(py.makeMemorySnapshot(), { level: 9 }));
