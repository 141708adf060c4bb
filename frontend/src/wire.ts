// The one wire to Python, shared by all sections: it numbers the requests, takes each answer to whoever asked, and
// keeps the address. The address is the link of the section that is being edited or read.

import { batch, computed, effect, signal, untracked } from "@preact/signals";
import type { Model } from "./model";
import type { Contents, Given, Own, Progress, Request, Response } from "./protocol";
import { Session } from "./session";
import { share } from "./share";

/** The reader's own rows outlast a reload, in this tab and nowhere else. */
const OWN = "xent-own";

type Asked = Omit<Request, "seq">;

export interface Answers {
  answer(response: Response): void;
  progress?(done: number): void;
}

export class Wire {
  readonly connected = signal(true);
  readonly contents = signal<Contents | null>(null);
  readonly sessions = signal<ReadonlyMap<string, Session>>(new Map());
  /** The name of the section the address is about. */
  readonly active = signal("");
  /** The section to go to, and to stay at until the page stands still. */
  readonly goal = signal<string | null>(null);
  /** The section under the reader's eyes. */
  readonly reading = signal<string | null>(null);
  /** The section the page was opened at has been drawn: from now on others are, when they come near. */
  readonly ready = signal(false);
  /** The reader's own rows; null once they are forgotten, undefined if there never were any here. */
  readonly own = signal<Given | null | undefined>(undefined);
  /** What Python says that it read of them. */
  readonly owned = signal<Own | null>(null);
  readonly solo = computed(() => this.alone !== null || (this.contents.value?.solo ?? false));
  readonly shown = computed(() => {
    const all = this.contents.value?.sections ?? [];
    return this.solo.value ? all.filter((s) => s.name === (this.alone ?? this.contents.value?.at)) : all;
  });
  readonly current = computed(() => this.sessions.value.get(this.active.value) ?? null);
  readonly size = computed(() => this.current.value?.view.value?.size ?? "normal");
  readonly idle = computed(() => this.contents.value !== null && this.opening.value === null && [...this.sessions.value.values()].every((s) => s.idle.value && !s.late.value));

  /** Whether the view owns the page, its address and its title included. */
  readonly whole: boolean;
  private readonly alone: string | null;
  /** The link that is being looked up. */
  private readonly opening = signal<string | null>(null);
  private readonly asked = new Map<number, Answers>();
  private seq = 0;
  private readonly undoStart: () => void;

  constructor(readonly model: Model) {
    const experiment = model.get("experiment");
    this.alone = typeof experiment === "string" && experiment !== "" ? experiment : null;
    this.whole = model.get("whole_page") === true;
    this.own.value = this.storedOwn();
    model.on("msg:custom", this.onMessage);
    model.on("change:url", this.onUrl);
    model.on("change:connected", this.onConnected);
    this.connected.value = model.get("connected") !== false;
    // What was asked for when the wire broke is asked for again by whoever asked.
    this.undoStart = effect(() => {
      if (!this.connected.value) return;
      untracked(() => {
        if (!this.contents.value || this.opening.value !== null) this.open(this.opening.value ?? this.link());
      });
    });
  }

  close(): void {
    this.model.off("msg:custom", this.onMessage);
    this.model.off("change:url", this.onUrl);
    this.model.off("change:connected", this.onConnected);
    this.undoStart();
    for (const session of this.sessions.peek().values()) session.close();
  }

  /** Words of the frame itself; {name} is filled in. */
  word(key: string, pieces: Record<string, string> = {}): string {
    return (this.contents.value?.words[key] ?? "").replace(/\{(\w+)\}/g, (_, name: string) => pieces[name] ?? "");
  }

  ask(request: Asked, answers: Answers): number {
    const seq = ++this.seq;
    this.asked.set(seq, answers);
    this.model.send({ seq, ...request });
    return seq;
  }

  /** Nobody waits for this answer any longer. */
  drop(seq: number): void {
    this.asked.delete(seq);
  }

  /** The address becomes the link of a section: it was edited, or has come under the reader's eyes. */
  follow(session: Session): void {
    this.active.value = session.name;
    this.save(session);
  }

  /** Write the link of the section the address is about; another one's is written when it is its turn. */
  save(session: Session): void {
    if (session.name !== this.active.peek() || session.url === "" || this.model.get("url") === session.url) return;
    this.model.set("url", session.url);
    this.model.save_changes();
  }

  /** Rows that Python has read go with every request from now on; other sections offer them. */
  keepOwn(given: Given, from: Session): void {
    this.own.value = given;
    this.storeOwn(JSON.stringify(given));
    for (const session of this.sessions.peek().values()) if (session !== from) session.refresh();
  }

  tellOwn(own: Own | null): void {
    this.owned.value = own && share(this.owned.peek(), own);
  }

  forgetOwn(): void {
    this.own.value = null;
    this.storeOwn(null);
    for (const session of this.sessions.peek().values()) {
      session.refused.value = "";
      session.refresh();
    }
  }

  /** The address of another state of this page, where there is one. */
  address(url: string): string {
    const whole = String(this.model.get("link") ?? "");
    return `${whole.split("#")[0] ?? ""}#${url}`;
  }

  /** Draw every section, near or not. */
  startAll(): void {
    for (const { name } of this.shown.peek()) this.sessions.peek().get(name)?.start();
  }

  /** Draw every section, then print. */
  print(): void {
    this.startAll();
    let done: (() => void) | undefined;
    done = effect(() => {
      if (![...this.shown.value].every(({ name }) => this.sessions.value.get(name)?.view.value) || !this.idle.value) return;
      // Two frames: for the pictures to be drawn, and for the figures to be measured.
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          done?.();
          done = undefined;
          print();
        }),
      );
    });
  }

  private storeOwn(text: string | null): void {
    if (!this.whole) return; // a notebook's page is not ours alone; its kernel keeps them
    try {
      if (text === null) sessionStorage.removeItem(OWN);
      else sessionStorage.setItem(OWN, text);
    } catch {
      // Storage is full or switched off: they last as long as the page.
    }
  }

  private storedOwn(): Given | undefined {
    if (!this.whole) return undefined;
    try {
      return (JSON.parse(sessionStorage.getItem(OWN) ?? "null") as Given | null) ?? undefined;
    } catch {
      return undefined;
    }
  }

  private link(): string {
    const url = String(this.model.get("url") ?? "");
    return url === "" && this.alone ? `x=${this.alone}` : url;
  }

  /** Ask what the page is made of, and open it at a link. */
  private open(url: string): void {
    this.opening.value = url;
    this.ask(
      { url, actions: [], contents: true },
      {
        answer: ({ contents }) => {
          batch(() => {
            if (this.opening.peek() === url) this.opening.value = null;
            if (!contents) return;
            const before = this.contents.peek();
            this.contents.value = before && JSON.stringify(before) === JSON.stringify(contents) ? before : contents;
            const sessions = new Map(this.sessions.peek());
            for (const { name, url: begin, takes_rows: takes } of contents.sections) {
              if (!sessions.has(name)) sessions.set(name, new Session(this, name, begin, takes));
            }
            this.sessions.value = sessions;
            this.active.value = contents.at;
            this.reading.value = null; // what the reader was at before, and may be drawn only now, is left
            sessions.get(contents.at)?.travel({ to: "load", url });
            if (contents.at !== contents.sections[0]?.name || before) this.goal.value = contents.at;
          });
        },
      },
    );
  }

  private readonly onMessage = (message: unknown): void => {
    const answer = message as Response | Progress;
    const waiting = this.asked.get(answer.seq);
    if (!waiting) return;
    if ("progress" in answer) {
      waiting.progress?.(answer.progress);
      return;
    }
    this.asked.delete(answer.seq);
    waiting.answer(answer);
  };

  private readonly onUrl = (): void => {
    const url = this.link();
    if (url !== this.current.peek()?.url) this.open(url);
  };

  private readonly onConnected = (): void => {
    this.asked.clear();
    this.connected.value = this.model.get("connected") !== false;
  };
}
