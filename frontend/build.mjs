// Build the view into a folder (default: the package's static files). The same sources give the same bytes.

import { build } from "esbuild";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "../src/xent/explorer/static"));

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  legalComments: "none", // NOTICES.txt has them
  logLevel: "warning",
  metafile: true,
  outdir: out,
};

await mkdir(out, { recursive: true });
const view = await build({
  ...common,
  entryPoints: { view: "src/view.tsx" },
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
});
// The pages, of the server and of the static site, are a few lines around the very module that notebooks load.
const beside = { "./view": "./view.js", pyodide: "./pyodide/pyodide.mjs" };
await build({
  ...common,
  entryPoints: { page: "src/page.ts", site: "src/site.ts", worker: "src/worker.ts" },
  format: "esm",
  target: "es2022",
  plugins: [
    {
      name: "files-of-their-own",
      setup: (b) => b.onResolve({ filter: /^(\.\/view|pyodide)$/ }, ({ path }) => ({ path: beside[path], external: true })),
    },
  ],
});
// light-dark() and nesting stay as written: every browser that has what the page needs has them.
await build({ ...common, entryPoints: { view: "src/styles/view.css", page: "src/styles/page.css" }, target: "esnext", external: ["./fonts/*"] });
for (const name of ["index.html", "icon.svg"]) await copyFile(join(here, "src", name), join(out, name));
await writeFile(join(out, "NOTICES.txt"), await notices(view.metafile));

/** The licences of everything that is bundled: the npm packages esbuild took from, and the fonts. */
async function notices(metafile) {
  const inputs = Object.entries(Object.values(metafile.outputs)[0].inputs);
  const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
  const names = new Set(used.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean));
  const parts = [
    "The built view in this folder contains the following third-party software and fonts.",
    "Everything else in it is part of xent and under xent's own licence.",
  ];
  for (const name of [...names].sort()) {
    const at = join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(at, "package.json"), "utf8"));
    parts.push(`${"=".repeat(80)}\n${name} ${version} (${license})\n${"=".repeat(80)}\n\n${(await licence(at)).trim()}`);
  }
  const fonts = await readFile(join(here, "fonts/OFL.txt"), "utf8");
  parts.push(`${"=".repeat(80)}\nfonts/*.woff2: subsets of STIX Two Text 2.13 and STIX Two Math 2.12 (OFL-1.1)\n${"=".repeat(80)}\n\n${fonts.trim()}`);
  return `${parts.join("\n\n")}\n`;
}

async function licence(folder) {
  for (const name of ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE"]) {
    try {
      return await readFile(join(folder, name), "utf8");
    } catch {
      // the next name
    }
  }
  throw new Error(`${folder} has no licence file: say in build.mjs what its licence is`);
}
