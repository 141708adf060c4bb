// What the view needs in a page that is not its own, a notebook's: a place where no styles come in and none get out,
// the theme of the page around it, and a picture where no kernel runs.

import { signal, type ReadonlySignal } from "@preact/signals";
import type { Model } from "./model";
import type { Contents, Request, Response, View } from "./protocol";

// What is inherited comes through a shadow root; this stops it. The size of 1rem stays the host's, as its reader chose.
const OUTSET = ":host { all: initial !important; display: block !important; contain: layout style; }";

export function shelter(el: HTMLElement, css: string): { el: HTMLElement; release: () => void } {
  const host = el.ownerDocument.createElement("div");
  const style = el.ownerDocument.createElement("style");
  const inside = el.ownerDocument.createElement("div");
  style.textContent = OUTSET + css;
  host.attachShadow({ mode: "open" }).append(style, inside);
  el.append(host);
  // What is typed into a field is no shortcut of the host's: JupyterLab would keep a 0 back, as half of 0 0.
  const typed = (event: KeyboardEvent): void => {
    const [at] = event.composedPath();
    const plain = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
    // In a text of many lines all keys are its own but the one that leaves it.
    if (at instanceof HTMLTextAreaElement && event.key !== "Tab" && inside.contains(at)) event.stopPropagation();
    if (plain && at instanceof HTMLInputElement && at.type === "text" && inside.contains(at)) event.stopPropagation();
  };
  window.addEventListener("keydown", typed, true);
  return {
    el: inside,
    release: () => {
      window.removeEventListener("keydown", typed, true);
      host.remove();
    },
  };
}

/** A theme may arrive with a style sheet or a transition, some time after the attribute that announces it. */
const LATER_MS = [0, 150, 600];

/** Whether the page around an element is dark: by the colour behind it, which every host has. */
export function hostTheme(el: HTMLElement): { theme: ReadonlySignal<"light" | "dark">; release: () => void } {
  const theme = signal<"light" | "dark">("light");
  const look = (): void => {
    theme.value = isDark(el) ? "dark" : "light";
  };
  let timers: ReturnType<typeof setTimeout>[] = [];
  const changed = (): void => {
    timers.forEach(clearTimeout);
    timers = LATER_MS.map((wait) => setTimeout(look, wait));
  };
  const { documentElement: root, body } = el.ownerDocument;
  const watch = new MutationObserver(changed);
  for (const node of [root, body]) watch.observe(node, { attributes: true });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", changed);
  look();
  changed();
  return {
    theme,
    release: () => {
      timers.forEach(clearTimeout);
      watch.disconnect();
      scheme.removeEventListener("change", changed);
    },
  };
}

function isDark(el: HTMLElement): boolean {
  for (let node: Node | null = el; node; node = node.parentNode ?? (node instanceof ShadowRoot ? node.host : null)) {
    if (!(node instanceof HTMLElement)) continue;
    const [r, g, b, alpha] = seen(getComputedStyle(node).backgroundColor);
    if (alpha > 127) return 0.2126 * r + 0.7152 * g + 0.0722 * b < 127;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches && getComputedStyle(el).colorScheme.includes("dark");
}

/** A colour, however it is written, as the pixel it makes. */
function seen(colour: string): [number, number, number, number] {
  const pen = document.createElement("canvas").getContext("2d");
  if (!pen) return [0, 0, 0, 0];
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data] as [number, number, number, number];
}

interface Kept {
  url: string;
  contents: Contents;
  view: View;
  notice: string;
}

const PATIENCE_MS = 2000;

/** A model that answers from its own copy of the last picture until Python does: in a saved notebook it never will. */
export function patient(model: Model): Model {
  const calls = new Set<(message: unknown) => void>();
  let alive = false;
  const hear = (message: unknown): void => {
    alive = true;
    calls.forEach((call) => call(message));
  };
  model.on("msg:custom", hear);
  return {
    get: (key) => model.get(key),
    set: (key, value) => model.set(key, value),
    save_changes: () => model.save_changes(),
    on: (event, call) => void (event === "msg:custom" ? calls.add(call) : model.on(event, call)),
    off: (event, call) => {
      if (event !== "msg:custom") model.off(event, call);
      else if (calls.delete(call) && calls.size === 0) model.off(event, hear);
    },
    send: (message) => {
      model.send(message);
      const { url, contents, view, notice } = (model.get("kept") ?? {}) as Partial<Kept>;
      if (alive || url === undefined || !contents || !view) return;
      const { seq, contents: asked } = message as Request;
      const answer: Response = asked ? { seq, url, notices: [], contents } : { seq, url, notices: [notice ?? ""], view };
      setTimeout(() => !alive && calls.forEach((call) => call(answer)), PATIENCE_MS);
    },
  };
}
