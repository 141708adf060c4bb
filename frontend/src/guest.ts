// What the view needs in a page that is not its own, a notebook's: a place where no styles come in and none get out,
// and the theme of the page around it.

import { signal, type ReadonlySignal } from "@preact/signals";

// What is inherited comes through a shadow root; this stops it.
const OUTSET = ":host { all: initial; display: block; contain: layout style; }";

export function shelter(el: HTMLElement, css: string): { el: HTMLElement; release: () => void } {
  const host = el.ownerDocument.createElement("div");
  const style = el.ownerDocument.createElement("style");
  const inside = el.ownerDocument.createElement("div");
  style.textContent = OUTSET + css;
  host.attachShadow({ mode: "open" }).append(style, inside);
  host.dataset["lmSuppressShortcuts"] = "true"; // JupyterLab takes no letters that are typed in here
  el.append(host);
  return { el: inside, release: () => host.remove() };
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
