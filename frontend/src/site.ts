// The page of the static site: the view over workers in which the same Python runs. One answers; a second one, made
// when it is first needed, computes what takes long, so that nobody waits for it.

import { mount } from "./host";
import type { Request } from "./protocol";

const said = document.getElementById("starting");

mount(({ message }) => {
  const start = (): Worker => {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.onmessage = (event) => {
      said?.remove();
      message(event.data);
    };
    worker.onerror = () => {
      if (said) said.textContent = said.dataset["failed"] ?? "";
    };
    return worker;
  };
  const quick = start();
  let slow: Worker | null = null;
  return (request) => {
    const worker = (request as Request).slow ? (slow ??= start()) : quick;
    worker.postMessage(request);
  };
});
