// Python in a worker of the static site: the very engine of `xent explore`, under Pyodide, from files beside this one.
// It wakes from a picture of its memory that was taken when the site was built (snapshot.mjs), with everything imported.

import { loadPyodide } from "pyodide";
import type { Request } from "./protocol";

const tell = postMessage as (message: unknown) => void; // a worker's, which takes no origin
const here = (name: string): string => new URL(name, import.meta.url).href;

async function read(name: string): Promise<Response> {
  const response = await fetch(here(name));
  if (!response.ok || !response.body) throw new Error(`${name}: ${response.status}`);
  return response;
}

async function memory(): Promise<ArrayBuffer> {
  const { body } = await read("./engine.snapshot");
  return new Response(body!.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function python(): Promise<(text: string, report: (done: number) => void) => string> {
  const sources = read("./engine.zip").then((response) => response.arrayBuffer());
  const py = await loadPyodide({ indexURL: here("./pyodide/"), _loadSnapshot: memory() });
  py.unpackArchive(await sources, "zip", { extractDir: "/xent" });
  return py.runPython("answer_text");
}

const engine = python();
engine.catch((error) => setTimeout(() => { throw error; })); // only what is thrown reaches the page's onerror

onmessage = async ({ data }: MessageEvent<Request>) => {
  const answer = await engine;
  tell(JSON.parse(answer(JSON.stringify(data), (done) => tell({ seq: data.seq, progress: done }))));
};
