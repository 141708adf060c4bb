// The page: header, contents, sections one after the other, notices, and what a screen reader is told.

import { untracked, useComputed, useSignal, useSignalEffect, type Signal } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useWire, WireContext } from "./context";
import { Header, type Theme } from "./header";
import { ArticleSection } from "./section";
import { Text } from "./text";
import { Toc } from "./toc";
import type { Wire } from "./wire";

export function App({ wire, theme }: { wire: Wire; theme: Signal<Theme> }): VNode {
  const contents = wire.contents.value;
  return (
    <WireContext.Provider value={wire}>
      {contents && (
        <a class="skip" href="#xent-main" onClick={skip}>
          {wire.word("skip")}
        </a>
      )}
      <Header theme={theme} />
      <Offline />
      <Unprinted />
      <div class={wire.solo.value ? "body" : "body with-toc"}>
        {contents && !wire.solo.value && <Toc />}
        <Main />
      </div>
      <Notices />
      <Summary />
    </WireContext.Provider>
  );
}

/** The hash is the state, so the skip link moves the focus itself. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  const main = (event.currentTarget as Element).parentElement?.querySelector("main");
  main?.focus();
  main?.scrollIntoView();
}

function Main(): VNode {
  const wire = useWire();
  const contents = wire.contents.value;
  useArrival();
  return (
    <main id="xent-main" class="article" tabIndex={-1} aria-busy={!contents}>
      {contents && !wire.solo.value && (
        <>
          <h1>{contents.title}</h1>
          <p class="lede first">
            <Text text={contents.lede} />
          </p>
        </>
      )}
      {wire.shown.value.map((entry) => (
        <ArticleSection key={entry.name} entry={entry} session={wire.sessions.value.get(entry.name)!} />
      ))}
    </main>
  );
}

const STILL_MS = 250;
/** The keys that move a page, or the focus over it. */
const MOVING = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " ", "Tab"]);

/** Go to the section that a link names, and stay at it while sections around it are drawn; a reader who moves is free. */
function useArrival(): void {
  const wire = useWire();
  useSignalEffect(() => {
    // What was opened stands on the page, and has been laid out: what is near now, is near.
    if (wire.ready.value || !wire.current.value?.view.value) return;
    requestAnimationFrame(() => requestAnimationFrame(() => (wire.ready.value = true)));
  });
  useSignalEffect(() => {
    const name = wire.goal.value;
    if (!wire.whole || name === null) return;
    const still = wire.ready.value && wire.idle.value;
    requestAnimationFrame(() => document.querySelector(`[data-section="${name}"]`)?.scrollIntoView({ block: "start", behavior: "instant" }));
    if (!still) return;
    const timer = setTimeout(() => (wire.goal.value = null), STILL_MS);
    return () => clearTimeout(timer);
  });
  useLayoutEffect(() => {
    const free = (event: Event): void => {
      if (event instanceof KeyboardEvent && !MOVING.has(event.key)) return;
      wire.goal.value = null;
    };
    const moves = ["wheel", "touchstart", "pointerdown", "keydown"];
    for (const move of moves) addEventListener(move, free, { passive: true });
    return () => moves.forEach((move) => removeEventListener(move, free));
  }, []);
  // The address follows the reader, as soon as there is one to follow with.
  const read = useComputed(() => {
    const session = wire.sessions.value.get(wire.reading.value ?? "");
    return session?.view.value ? session : null;
  });
  useSignalEffect(() => {
    const session = read.value;
    if (session) untracked(() => wire.follow(session));
  });
}

function Offline(): VNode {
  const wire = useWire();
  return (
    <div class="offline" role="status">
      {!wire.connected.value && <p>{wire.word("offline")}</p>}
    </div>
  );
}

/** On paper only: not all of the article is here, and how it comes. */
function Unprinted(): VNode | null {
  const wire = useWire();
  const whole = wire.shown.value.every(({ name }) => wire.sessions.value.get(name)?.view.value);
  return whole ? null : <p class="on-paper">{wire.word("unprinted")}</p>;
}

function Notices(): VNode {
  const wire = useWire();
  return (
    <div class="notices" role="status">
      {[...wire.sessions.value.values()].flatMap((session) =>
        session.notices.value.map((notice) => (
          <p key={`${session.name} ${notice.text}`} class={notice.error ? "error" : ""}>
            <span>
              {notice.error && <b>{wire.word("not_done")} </b>}
              {notice.text}
            </span>
            <button type="button" class="tool" aria-label={`${wire.word("dismiss")}: ${notice.text}`} onClick={() => session.dismiss(notice)}>
              {wire.word("dismiss")}
            </button>
          </p>
        )),
      )}
    </div>
  );
}

const QUIET_MS = 1000;

/** Python's summary of the section in use, spoken at most once a second and never in the middle of a drag. */
function Summary(): VNode {
  const wire = useWire();
  const words = useSignal("");
  const told = useRef(new Map<string, string>());
  const last = useRef(0);
  useSignalEffect(() => {
    const session = wire.current.value;
    if (!session || session.dragging.value) return;
    const summary = session.view.value?.summary ?? "";
    // A section that is merely scrolled to says nothing.
    if (summary === (told.current.get(session.name) ?? words.peek())) return;
    const wait = Math.max(QUIET_MS - (performance.now() - last.current), 120);
    const timer = setTimeout(() => {
      last.current = performance.now();
      told.current.set(session.name, summary);
      words.value = summary;
    }, wait);
    return () => clearTimeout(timer);
  });
  return (
    <p class="hidden" aria-live="polite" id="xent-summary">
      {words.value}
    </p>
  );
}
