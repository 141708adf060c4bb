// What worker.ts uses of Pyodide; the built worker finds it in the folder beside it.

declare module "pyodide" {
  export interface Pyodide {
    unpackArchive(archive: ArrayBuffer, format: "zip", options: { extractDir: string }): void;
    runPython(code: string): any;
  }
  export function loadPyodide(options: { indexURL: string; _loadSnapshot: Promise<ArrayBuffer> }): Promise<Pyodide>;
}
