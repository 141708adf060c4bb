// The model of a page that is ours alone: its address is the state, and some wire carries requests and answers.

import type { Model } from "./model";
import view from "./view";

// Browsers stop a page that writes its address too often (100 times in ten seconds at the strictest): so many writes
// fit into so many milliseconds, and a change that comes too soon is written, with what follows it, a little later.
const WRITES = 12;
const WINDOW_MS = 1000;

/** What a wire tells the page. */
export interface Ends {
  message(message: unknown): void;
  connected(now: boolean): void;
}

/** Open a wire: what it returns sends. */
export type Open = (ends: Ends) => (message: unknown) => void;

function pageModel(el: HTMLElement, open: Open): Model {
  const listeners = new Map<string, Set<(message: unknown) => void>>();
  const emit = (event: string, message?: unknown): void => listeners.get(event)?.forEach((call) => call(message));
  const hash = (): string => location.hash.slice(1);
  let url = hash();
  let connected = true;

  let timer: ReturnType<typeof setTimeout> | undefined;
  const written: number[] = [];
  const forget = (): void => {
    clearTimeout(timer);
    timer = undefined;
    el.removeAttribute("data-writing");
  };
  const write = (): void => {
    forget();
    if (hash() === url) return;
    if (written.push(performance.now()) > WRITES) written.shift();
    try {
      history.replaceState(null, "", `#${url}`);
    } catch {
      timer = setTimeout(write, WINDOW_MS); // a long run in a strict browser: the address follows when it may
    }
  };
  addEventListener("pagehide", write);
  addEventListener("hashchange", () => {
    if (hash() === url) return;
    url = hash();
    forget();
    emit("change:url");
  });

  const send = open({
    message: (message) => emit("msg:custom", message),
    connected: (now) => {
      if (now === connected) return;
      connected = now;
      emit("change:connected");
    },
  });
  return {
    get(key) {
      if (key === "url") return url;
      if (key === "connected") return connected;
      if (key === "whole_page") return true;
      if (key === "link") return `${location.origin}${location.pathname}${location.search}#${url}`;
      return undefined;
    },
    set(key, value) {
      if (key === "url") url = String(value);
    },
    save_changes() {
      const full = written.length === WRITES ? (written[0] ?? 0) + WINDOW_MS : 0;
      el.setAttribute("data-writing", ""); // the address lags behind: for tests
      timer ??= setTimeout(write, Math.max(full - performance.now(), 0));
    },
    on(event, callback) {
      const calls = listeners.get(event) ?? new Set();
      listeners.set(event, calls.add(callback));
    },
    off(event, callback) {
      listeners.get(event)?.delete(callback);
    },
    send,
  };
}

export function mount(open: Open): void {
  const el = document.getElementById("xent");
  history.scrollRestoration = "manual"; // the address says where the reader was
  if (el) view.render({ model: pageModel(el, open), el });
}
