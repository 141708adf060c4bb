// The module a host loads: the anywidget front-end form, render({ model, el }).

import { effect } from "@preact/signals";
import { render as draw } from "preact";
import { App } from "./app";
import { keepFocus } from "./focus";
import { storedTheme } from "./header";
import type { Model } from "./model";
import { Session } from "./session";

export type { Model } from "./model";

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const session = new Session(model);
  const theme = storedTheme();
  const page = model.get("whole_page") === true;
  el.classList.add("xent");

  const undoThemes = effect(() => {
    el.dataset["theme"] = theme.value;
  });
  // For those who must know when every edit has been answered, tests among them.
  const undoWaiting = effect(() => {
    el.toggleAttribute("data-waiting", !session.idle.value);
  });
  // For whoever drives the page by program: "idle" means that every edit has been answered and drawn.
  const undoState = effect(() => {
    el.dataset["state"] = session.idle.value ? "idle" : "busy";
  });
  const undoTitle = effect(() => {
    if (page && session.view.value) document.title = `${session.view.value.title} · xent`;
  });

  // Pointing at, or focusing, anything with a ref lights up everything with that ref.
  const onPoint = (event: Event): void => {
    if (session.dragging.peek() && event.type === "pointerover") return;
    const about = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-ref]") : null;
    session.lit.value = about?.getAttribute("data-ref") ?? null;
  };
  const onLeave = (): void => {
    session.lit.value = null;
  };
  const onKey = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    // A half-typed number has its own undo.
    const typing = event.target instanceof HTMLInputElement && event.target.type === "text";
    if (typing && event.target.value !== event.target.defaultValue && event.target.matches(":focus")) return;
    if (key === "z" || key === "y") {
      event.preventDefault();
      session.travel({ to: key === "y" || event.shiftKey ? "redo" : "undo" });
    }
  };
  const keys: EventTarget = page ? el.ownerDocument : el;
  el.addEventListener("pointerover", onPoint);
  el.addEventListener("focusin", onPoint);
  el.addEventListener("pointerleave", onLeave);
  el.addEventListener("focusout", onLeave);
  keys.addEventListener("keydown", onKey as EventListener);
  const releaseFocus = keepFocus(el);

  draw(<App session={session} model={model} theme={theme} />, el);

  return () => {
    draw(null, el);
    releaseFocus();
    undoTitle();
    undoState();
    undoWaiting();
    undoThemes();
    session.close();
    el.removeEventListener("pointerover", onPoint);
    el.removeEventListener("focusin", onPoint);
    el.removeEventListener("pointerleave", onLeave);
    el.removeEventListener("focusout", onLeave);
    keys.removeEventListener("keydown", onKey as EventListener);
  };
}

export default { render };
