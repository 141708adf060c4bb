// The conversation with Python. The state is the url string of the last answer; an edit is a request to change it.
// At most one request is under way. Edits made meanwhile wait in order; of two settings of the same thing in one
// gesture only the later one is sent. Requests are pure, so one that was cut off is simply sent again.

import { batch, effect, signal, untracked } from "@preact/signals";
import type { Model } from "./model";
import type { Act, Request, Response, View } from "./protocol";
import { share } from "./share";

/** Edits of one gesture (a drag, a held key, a run) are undone together. */
export type Gesture = number;

interface Edit {
  act: Act;
  gesture: Gesture;
}

interface Travel {
  to: "undo" | "redo" | "load";
  url?: string;
}

interface Pending {
  request: Request;
  gesture: Gesture | null;
  travel: Travel["to"] | null;
}

export interface Notice {
  text: string;
  error: boolean;
}

const SLOW_MS = 150;
const MOST_EDITS = 100;
const MOST_UNDOS = 500;

export class Session {
  readonly view = signal<View | null>(null);
  readonly notices = signal<Notice[]>([]);
  readonly slow = signal(false);
  readonly connected = signal(true);
  readonly idle = signal(true);
  /** Counts answers, for those who wait for the next one. */
  readonly answers = signal(0);
  readonly undos = signal<string[]>([]);
  readonly redos = signal<string[]>([]);
  /** The id of the transport that runs. */
  readonly running = signal<string | null>(null);
  readonly dragging = signal(false);
  /** The ids of the panels on the screen: in mid-drag only they are asked for. */
  readonly seen = new Set<string>();
  /** What is pointed at: everything about it is highlighted. */
  readonly lit = signal<string | null>(null);

  url = "";
  private queue: (Edit | Travel)[] = [];
  private pending: Pending | null = null;
  private seq = 0;
  private gestures = 0;
  private remembered: Gesture | null = null;
  /** Whether the last answer left out the panels off the screen. */
  private partial = false;
  private readonly undoRelease: () => void;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly model: Model) {
    model.on("msg:custom", this.onAnswer);
    model.on("change:url", this.onUrl);
    model.on("change:connected", this.onConnected);
    this.connected.value = model.get("connected") !== false;
    this.undoRelease = effect(() => {
      if (!this.dragging.value) untracked(() => this.released());
    });
    this.travel({ to: "load", url: String(model.get("url") ?? "") });
  }

  close(): void {
    this.model.off("msg:custom", this.onAnswer);
    this.model.off("change:url", this.onUrl);
    this.model.off("change:connected", this.onConnected);
    this.undoRelease();
    this.running.value = null;
    clearTimeout(this.timer);
  }

  gesture(): Gesture {
    return ++this.gestures;
  }

  /** Ask for an edit. Any edit but the run's own stops a run. */
  act(act: Act, gesture: Gesture = this.gesture(), ofRun = false): void {
    if (!ofRun) this.running.value = null;
    const earlier = act.do === "set" ? this.replaced(act, gesture) : -1;
    if (earlier >= 0) this.queue[earlier] = { act, gesture };
    else this.queue.push({ act, gesture });
    this.pump();
  }

  travel(travel: Travel): void {
    this.running.value = null;
    this.queue.push(travel);
    this.pump();
  }

  dismiss(notice: Notice): void {
    this.notices.value = this.notices.value.filter((n) => n !== notice);
  }

  /** A thumb has been let go: what the drag put off is done now. */
  private released(): void {
    this.save();
    this.pump();
  }

  /** Where a waiting setting of the same path stands, with nothing but settings of this gesture after it. */
  private replaced(act: Act, gesture: Gesture): number {
    for (let i = this.queue.length - 1; i >= 0; i--) {
      const entry = this.queue[i];
      if (!entry || !("act" in entry) || entry.gesture !== gesture || entry.act.do !== "set") return -1;
      if (entry.act.path === act.path) return i;
    }
    return -1;
  }

  private pump(): void {
    while (!this.pending && this.queue.length > 0) this.pending = this.next();
    if (!this.pending && this.partial && !this.dragging.peek()) {
      this.pending = { request: { seq: -1, url: this.url, actions: [] }, gesture: this.remembered, travel: null };
    }
    this.idle.value = !this.pending;
    if (this.pending && this.pending.request.seq < 0) this.transmit(this.pending);
  }

  /** Take from the queue what makes one request: one journey, or the edits of one gesture. */
  private next(): Pending | null {
    const head = this.queue[0] as Edit | Travel;
    if ("to" in head) {
      this.queue.shift();
      const url = { undo: this.undos.peek().at(-1), redo: this.redos.peek().at(-1), load: head.url }[head.to];
      return url === undefined ? null : { request: { seq: -1, url, actions: [] }, gesture: null, travel: head.to };
    }
    let count = 0;
    for (const entry of this.queue) {
      if (!("act" in entry) || entry.gesture !== head.gesture || count === MOST_EDITS) break;
      count++;
    }
    const actions = this.queue.splice(0, count).map((entry) => bare((entry as Edit).act));
    const only = this.dragging.peek() && this.seen.size > 0 ? { only: [...this.seen] } : {};
    return { request: { seq: -1, url: this.url, actions, ...only }, gesture: head.gesture, travel: null };
  }

  private transmit(pending: Pending): void {
    if (!this.connected.peek()) return;
    pending.request.seq = ++this.seq;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.slow.value = true), SLOW_MS);
    this.model.send(pending.request);
  }

  private readonly onAnswer = (message: unknown): void => {
    const answer = message as Response;
    const { pending } = this;
    if (!pending || answer.seq !== pending.request.seq) return;
    clearTimeout(this.timer);
    this.pending = null;
    batch(() => {
      this.slow.value = false;
      if (answer.view) this.adopt(answer.url, this.whole(answer.view, pending.request.only), pending);
      this.report(answer);
      this.answers.value++;
      if (answer.error !== undefined) this.running.value = null;
      this.pump();
    });
  };

  /** A picture of some panels, completed by what the others last showed. */
  private whole(view: View, only: string[] | undefined): View {
    this.partial = only !== undefined;
    const before = this.view.peek();
    if (!only || !before) return view;
    const fresh = new Map(view.panels.map((panel) => [panel.id, panel]));
    return { ...view, panels: before.panels.map((panel) => fresh.get(panel.id) ?? panel) };
  }

  private adopt(url: string, view: View, { gesture, travel }: Pending): void {
    const before = this.url;
    this.url = url;
    this.view.value = share(this.view.peek(), view);
    if (travel === "undo") {
      this.undos.value = this.undos.value.slice(0, -1);
      this.redos.value = [...this.redos.value, before];
    } else if (travel === "redo") {
      this.redos.value = this.redos.value.slice(0, -1);
      this.undos.value = [...this.undos.value, before];
    } else if (url !== before && before !== "" && (gesture === null || gesture !== this.remembered)) {
      this.undos.value = [...this.undos.value, before].slice(-MOST_UNDOS);
      this.redos.value = [];
      this.remembered = gesture;
    }
    if (!this.dragging.peek()) this.save();
  }

  /** Hand the state to the host; in the middle of a drag that would cost frames, so it is done at the end. */
  private save(): void {
    if (!this.view.peek() || this.model.get("url") === this.url) return;
    this.model.set("url", this.url);
    this.model.save_changes();
  }

  /** Show each sentence once; an error goes when the next edit succeeds. */
  private report(answer: Response): void {
    const kept = this.notices.peek().filter((n) => !n.error);
    const said = [...answer.notices.map((text) => ({ text, error: false }))];
    if (answer.error !== undefined) said.push({ text: answer.error, error: true });
    const fresh = said.filter((n) => !kept.some((k) => k.text === n.text));
    if (fresh.length > 0 || kept.length < this.notices.peek().length) this.notices.value = [...kept, ...fresh].slice(-4);
  }

  private readonly onUrl = (): void => {
    const url = String(this.model.get("url") ?? "");
    if (url !== this.url) this.travel({ to: "load", url });
  };

  private readonly onConnected = (): void => {
    this.connected.value = this.model.get("connected") !== false;
    clearTimeout(this.timer);
    this.slow.value = false;
    if (this.connected.value && this.pending) this.transmit(this.pending);
  };
}

/** What is sent of an action: its words for the reader stay here. */
function bare({ do: verb, path, value }: Act): Act {
  return { do: verb, ...(path !== undefined && { path }), ...(value !== undefined && { value }) };
}
