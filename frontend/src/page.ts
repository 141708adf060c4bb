// The page of `xent explore`: a model over a WebSocket, and the view mounted on it. The address's hash is the state.

import type { Model } from "./model";
import view from "./view";

// Browsers stop a page that writes its address too often (100 times in ten seconds at the strictest): so many writes
// fit into so many milliseconds, and a change that comes too soon is written, with what follows it, a little later.
const WRITES = 12;
const WINDOW_MS = 1000;
const el = document.getElementById("xent");
const RETRY_MS = [250, 500, 1000, 2000];

function socketModel(): Model {
  const listeners = new Map<string, Set<(message: unknown) => void>>();
  const emit = (event: string, message?: unknown): void => listeners.get(event)?.forEach((call) => call(message));
  const hash = (): string => location.hash.slice(1);
  let url = hash();
  let connected = true;
  let failures = 0;
  let socket: WebSocket;
  let waiting: string[] = [];

  const connect = (): void => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`);
    socket.onopen = () => {
      failures = 0;
      for (const message of waiting) socket.send(message);
      waiting = [];
      if (!connected) {
        connected = true;
        emit("change:connected");
      }
    };
    socket.onmessage = (event: MessageEvent<string>) => emit("msg:custom", JSON.parse(event.data));
    socket.onclose = () => {
      waiting = []; // the session sends again what was not answered
      if (connected) {
        connected = false;
        emit("change:connected");
      }
      setTimeout(connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    };
  };

  let timer: ReturnType<typeof setTimeout> | undefined;
  const written: number[] = [];
  const write = (): void => {
    clearTimeout(timer);
    timer = undefined;
    el?.removeAttribute("data-writing");
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
    clearTimeout(timer);
    timer = undefined;
    emit("change:url");
  });

  connect();
  return {
    get(key) {
      if (key === "url") return url;
      if (key === "connected") return connected;
      if (key === "whole_page") return true;
      if (key === "experiment") return undefined;
      return `${location.origin}${location.pathname}${location.search}#${url}`;
    },
    set(key, value) {
      if (key === "url") url = String(value);
    },
    save_changes() {
      const full = written.length === WRITES ? (written[0] ?? 0) + WINDOW_MS : 0;
      el?.setAttribute("data-writing", ""); // the address lags behind: for tests
      timer ??= setTimeout(write, Math.max(full - performance.now(), 0));
    },
    on(event, callback) {
      const calls = listeners.get(event) ?? new Set();
      listeners.set(event, calls.add(callback));
    },
    off(event, callback) {
      listeners.get(event)?.delete(callback);
    },
    send(message) {
      const text = JSON.stringify(message);
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
      else if (socket.readyState === WebSocket.CONNECTING) waiting.push(text);
    },
  };
}

history.scrollRestoration = "manual"; // the address says where the reader was
if (el) view.render({ model: socketModel(), el });
