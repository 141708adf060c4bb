// The module a host loads: the anywidget front-end form, render({ model, el }).

import { effect } from "@preact/signals";
import { render as draw } from "preact";
import { App } from "./app";
import { keepFocus } from "./focus";
import { hostTheme, patient, shelter } from "./guest";
import { storedTheme } from "./header";
import type { Model } from "./model";
import { Wire } from "./wire";

export type { Model } from "./model";

function render({ model, el: given }: { model: Model; el: HTMLElement }): () => void {
  const wire = new Wire(model.get("kept") ? patient(model) : model);
  const theme = storedTheme();
  const page = wire.whole;
  const around = hostTheme(given);
  const css = model.get("css");
  const { el, release } = typeof css === "string" ? shelter(given, css) : { el: given, release: () => {} };
  el.classList.add("xent");

  // On a page of our own the reader chooses; as a guest the view is as its host is.
  const undoThemes = effect(() => {
    el.dataset["theme"] = page ? theme.value : around.theme.value;
  });
  // For those who must know when every edit has been answered, tests among them.
  const undoWaiting = effect(() => {
    el.toggleAttribute("data-waiting", !wire.idle.value);
  });
  // For whoever drives the page by program: "idle" means that every edit has been answered and drawn.
  const undoState = effect(() => {
    el.dataset["state"] = wire.idle.value ? "idle" : "busy";
  });
  // A lecture is seen from the last row.
  const undoSize = effect(() => {
    el.dataset["size"] = wire.size.value;
  });
  const undoTitle = effect(() => {
    const here = wire.shown.value.find((s) => s.name === wire.active.value);
    if (page && here) document.title = `${here.title} · xent`;
  });

  // Pointing at, or focusing, anything with a ref lights up everything with that ref.
  const sectionOf = (target: EventTarget | null): string | undefined =>
    target instanceof Element ? target.closest<HTMLElement>("[data-section]")?.dataset["section"] : undefined;
  const onPoint = (event: Event): void => {
    const here = sectionOf(event.target);
    for (const session of wire.sessions.peek().values()) {
      if (session.dragging.peek() && event.type === "pointerover") return;
      const about = session.name === here ? (event.target as Element).closest("[data-ref]") : null;
      session.lit.value = about?.getAttribute("data-ref") ?? null;
    }
  };
  const onLeave = (): void => {
    for (const session of wire.sessions.peek().values()) session.lit.value = null;
  };
  const onKey = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    // A half-typed number has its own undo.
    const typing = event.target instanceof HTMLInputElement && event.target.type === "text";
    if (event.target instanceof HTMLTextAreaElement) return;
    if (typing && event.target.value !== event.target.defaultValue && event.target.matches(":focus")) return;
    if (page && key === "p") {
      event.preventDefault();
      wire.print();
    }
    if (key === "z" || key === "y") {
      event.preventDefault();
      const here = wire.sessions.peek().get(sectionOf(event.target) ?? "") ?? wire.current.peek();
      here?.travel({ to: key === "y" || event.shiftKey ? "redo" : "undo" });
    }
  };
  const keys: EventTarget = page ? el.ownerDocument : el;
  el.addEventListener("pointerover", onPoint);
  el.addEventListener("focusin", onPoint);
  el.addEventListener("pointerleave", onLeave);
  el.addEventListener("focusout", onLeave);
  keys.addEventListener("keydown", onKey as EventListener);
  // The browser's own menu does not wait: what is drawn by now is printed, the rest the next time.
  const onPrint = (): void => wire.startAll();
  if (page) addEventListener("beforeprint", onPrint);
  const releaseFocus = keepFocus(el);

  draw(<App wire={wire} theme={theme} />, el);

  return () => {
    draw(null, el);
    releaseFocus();
    undoTitle();
    undoSize();
    undoState();
    undoWaiting();
    undoThemes();
    around.release();
    release();
    wire.close();
    el.removeEventListener("pointerover", onPoint);
    el.removeEventListener("focusin", onPoint);
    el.removeEventListener("pointerleave", onLeave);
    el.removeEventListener("focusout", onLeave);
    keys.removeEventListener("keydown", onKey as EventListener);
    removeEventListener("beforeprint", onPrint);
  };
}

export default { render };
