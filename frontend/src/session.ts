// The conversation with Python about one section. The state is the url string of the last answer; an edit is a request to change it.
// At most one request is under way. Edits made meanwhile wait in order; of two settings of the same thing in one
// gesture only the later one is sent. Requests are pure, so one that was cut off is simply sent again.

import { batch, computed, effect, signal, untracked } from "@preact/signals";
import type { Act, Given, Panel, Request, Response, View } from "./protocol";
import { share } from "./share";
import type { Wire } from "./wire";

/** Edits of one gesture (a drag, a held key, a run) are undone together. */
export type Gesture = number;

interface Edit {
  act: Act;
  gesture: Gesture;
  /** Rows of the reader's own that are new to Python. */
  given?: Given | undefined;
}

interface Travel {
  to: "undo" | "redo" | "load";
  url?: string;
}

interface Pending {
  request: Request;
  gesture: Gesture | null;
  travel: Travel["to"] | null;
  /** Whether the reader's own rows are to be shown, and those of them that are new. */
  shows?: boolean;
  given?: Given | undefined;
}

export interface Notice {
  text: string;
  error: boolean;
}

/** What is asked and answered stays free in a locked lesson. */
const QUESTIONS = new Set(["ask", "answer", "reveal", "leave"]);
const FREE: string[] = [];
const SLOW_MS = 150;
const MOST_EDITS = 100;
const MOST_UNDOS = 500;

export class Session {
  readonly view = signal<View | null>(null);
  readonly notices = signal<Notice[]>([]);
  readonly slow = signal(false);
  readonly idle = signal(true);
  /** Counts answers, for those who wait for the next one. */
  readonly answers = signal(0);
  readonly undos = signal<string[]>([]);
  readonly redos = signal<string[]>([]);
  /** The id of the transport that runs. */
  readonly running = signal<string | null>(null);
  /** Why the reader's own rows are not shown: a sentence. */
  readonly refused = signal("");
  readonly dragging = signal(false);
  /** Whether panels that take long are being computed, and how much of them is done. */
  readonly late = signal(false);
  readonly progress = signal<number | null>(null);
  /** The ids of the panels on the screen: in mid-drag only they are asked for, and slow ones only when there. */
  private readonly seen = new Set<string>();
  /** The same array as long as it holds the same: what asks for it need not be drawn again. */
  private readonly locks = computed(() => this.view.value?.locks ?? FREE);
  /** What is pointed at: everything about it is highlighted. */
  readonly lit = signal<string | null>(null);

  url = "";
  private queue: (Edit | Travel)[] = [];
  private pending: Pending | null = null;
  private seq = 0;
  private started = false;
  /** What slow panels last showed, and of which state. */
  private readonly slowly = new Map<string, { url: string; panel: Panel }>();
  private slowSeq = 0;
  /** Slow panels that are on the screen, or were there and have not come since: what was begun is finished. */
  private readonly wanted = new Set<string>();
  private gestures = 0;
  private remembered: Gesture | null = null;
  /** Whether the last answer left out the panels off the screen. */
  private partial = false;
  private readonly undoRelease: () => void;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly wire: Wire,
    readonly name: string,
    /** The link it begins with. */
    private readonly begin: string,
    /** Whether rows of the reader's own can be shown here. */
    readonly takesRows: boolean,
  ) {
    const undoRelease = effect(() => {
      if (!this.dragging.value) untracked(() => this.released());
    });
    // Whoever was cut off asks again.
    const undoConnected = effect(() => {
      const connected = wire.connected.value;
      untracked(() => this.onConnected(connected));
    });
    this.undoRelease = () => {
      undoRelease();
      undoConnected();
    };
  }

  /** Ask for the first picture, once; a link that was to be loaded has done so already. */
  start(): void {
    if (!this.started) this.travel({ to: "load", url: this.begin });
  }

  close(): void {
    this.undoRelease();
    this.running.value = null;
    clearTimeout(this.timer);
    this.wire.drop(this.seq);
    this.wire.drop(this.slowSeq);
  }

  /** Whether a lesson has locked what an action would edit. Python refuses it too. */
  locked(act: Pick<Act, "do" | "path">): boolean {
    const locks = this.locks.value;
    if (locks.length === 0) return false;
    const names = ["all", act.path?.split(".")[0], act.path, act.do === "set" ? undefined : act.do];
    return !QUESTIONS.has(act.do) && names.some((name) => name !== undefined && locks.includes(name));
  }

  /** An id that no other section has. */
  id(...parts: string[]): string {
    return [this.name, ...parts].join("-");
  }

  /** Tell that a panel has come on the screen, or has left it. */
  see(panel: string, visible: boolean): void {
    if (visible) {
      this.seen.add(panel);
      this.wanted.add(panel);
      this.pumpSlow();
    } else {
      this.seen.delete(panel);
      if (!this.view.peek()?.panels.some((p) => p.id === panel && p.pending)) this.wanted.delete(panel);
    }
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

  /** Show the reader's own rows; new ones are kept for all sections once Python has read them. */
  showOwn(given?: Given): void {
    this.running.value = null;
    this.queue.push({ act: { do: "own" }, gesture: this.gesture(), given });
    this.pump();
  }

  /** The rows that go with a request. */
  own(): Pick<Request, "own"> {
    const own = this.wire.own.peek();
    return this.takesRows && own !== undefined ? { own } : {};
  }

  /** Ask for the same picture again: what can be loaded has changed. */
  refresh(): void {
    if (this.started && this.takesRows) this.travel({ to: "load", url: this.url || this.begin });
  }

  travel(travel: Travel): void {
    this.started = true;
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
    this.pumpSlow();
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
    if (head.act.do === "own") {
      return { request: { seq: -1, url: this.url, actions }, gesture: head.gesture, travel: null, shows: true, given: head.given };
    }
    const only = this.dragging.peek() && this.seen.size > 0 ? { only: [...this.seen] } : {};
    return { request: { seq: -1, url: this.url, actions, ...only }, gesture: head.gesture, travel: null };
  }

  private transmit(pending: Pending): void {
    if (!this.wire.connected.peek()) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.slow.value = true), SLOW_MS);
    const { seq: _, ...request } = pending.request;
    const own = pending.given ? { own: pending.given } : this.own();
    pending.request.seq = this.seq = this.wire.ask({ ...request, ...own }, { answer: this.onAnswer });
  }

  private readonly onAnswer = (answer: Response): void => {
    const { pending } = this;
    if (!pending) return;
    clearTimeout(this.timer);
    this.pending = null;
    batch(() => {
      this.slow.value = false;
      if (answer.view) this.adopt(answer.url, this.whole(answer, answer.view, pending.request.only), pending);
      if (pending.shows) this.refused.value = answer.error ?? "";
      const { error: _, ...calm } = answer; // that error stands beside the rows
      this.report(pending.shows ? calm : answer);
      if (this.takesRows && answer.view) this.wire.tellOwn(answer.own ?? null);
      if (pending.given && answer.view) this.wire.keepOwn(pending.given, this);
      this.answers.value++;
      if (answer.error !== undefined) this.running.value = null;
      this.pump();
    });
    this.pumpSlow();
  };

  /** A picture of some panels, completed by what the others last showed. */
  private whole({ url }: Response, view: View, only: string[] | undefined): View {
    this.partial = only !== undefined;
    const before = this.view.peek();
    const panels = view.panels.map((panel) => (panel.pending ? this.slowPanel(url, panel) : panel));
    if (!only || !before) return { ...view, panels };
    const fresh = new Map(panels.map((panel) => [panel.id, panel]));
    return { ...view, panels: before.panels.map((panel) => fresh.get(panel.id) ?? panel) };
  }

  /** A slow panel as it was last computed; pending still, unless that was for this very state. */
  private slowPanel(url: string, panel: Panel): Panel {
    const last = this.slowly.get(panel.id);
    if (!last) return panel;
    return last.url === url ? last.panel : { ...last.panel, pending: true };
  }

  /** Ask for the slow panels that are wanted, one request at a time, whatever else goes on. */
  private pumpSlow(): void {
    const view = this.view.peek();
    if (!view || this.late.peek() || this.dragging.peek() || !this.wire.connected.peek()) return;
    const only = view.panels.filter((p) => p.pending && this.wanted.has(p.id)).map((p) => p.id);
    if (only.length === 0) return;
    const { url } = this;
    this.late.value = true;
    this.slowSeq = this.wire.ask(
      { url, actions: [], only, slow: true, ...this.own() },
      {
        progress: (done) => (this.progress.value = done),
        answer: (answer) => {
          batch(() => {
            this.late.value = false;
            this.progress.value = null;
            for (const panel of answer.view?.panels ?? []) {
              this.slowly.set(panel.id, { url, panel });
              if (this.url === url && !this.seen.has(panel.id)) this.wanted.delete(panel.id);
            }
            const now = this.view.peek();
            if (!now) return;
            const fresh = new Map(answer.view?.panels.map((panel) => [panel.id, panel]));
            const panels = now.panels.map((panel) => {
              const came = fresh.get(panel.id);
              if (!came || !panel.pending) return panel;
              return this.url === url ? came : { ...came, pending: true };
            });
            this.view.value = share(now, { ...now, panels });
            this.report({ ...answer, notices: [] });
          });
          if (answer.error === undefined) this.pumpSlow();
        },
      },
    );
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
    if (gesture !== null) this.wire.active.value = this.name;
    if (!this.dragging.peek()) this.save();
  }

  /** Hand the state to the host; in the middle of a drag that would cost frames, so it is done at the end. */
  private save(): void {
    if (this.view.peek()) this.wire.save(this);
  }

  /** Show each sentence once; an error goes when the next edit succeeds. */
  private report(answer: Response): void {
    const kept = this.notices.peek().filter((n) => !n.error);
    const said = [...answer.notices.map((text) => ({ text, error: false }))];
    if (answer.error !== undefined) said.push({ text: answer.error, error: true });
    const fresh = said.filter((n) => !kept.some((k) => k.text === n.text));
    if (fresh.length > 0 || kept.length < this.notices.peek().length) this.notices.value = [...kept, ...fresh].slice(-4);
  }

  private onConnected(connected: boolean): void {
    clearTimeout(this.timer);
    this.slow.value = false;
    this.late.value = false;
    this.progress.value = null;
    if (!connected) return;
    if (this.pending) this.transmit(this.pending);
    this.pumpSlow();
  }
}

/** What is sent of an action: its words for the reader stay here. */
function bare({ do: verb, path, value }: Act): Act {
  return { do: verb, ...(path !== undefined && { path }), ...(value !== undefined && { value }) };
}
