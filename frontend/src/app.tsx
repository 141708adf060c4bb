// The page: header, title, panels, notices, and what a screen reader is told.

import { useSignal, useSignalEffect, type Signal } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { SessionContext, useSession } from "./context";
import { Header, type Theme } from "./header";
import type { Model } from "./model";
import { PanelSection } from "./panels";
import type { Session } from "./session";
import { Text } from "./text";

export function App({ session, model, theme }: { session: Session; model: Model; theme: Signal<Theme> }): VNode {
  return (
    <SessionContext.Provider value={session}>
      <a class="skip" href="#xent-main" onClick={skip}>
        Skip to the experiment
      </a>
      <Header model={model} theme={theme} />
      <Offline />
      <Main />
      <Notices />
      <Summary />
    </SessionContext.Provider>
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
  const session = useSession();
  const view = session.view.value;
  return (
    <main id="xent-main" tabIndex={-1} aria-busy={session.slow.value || !view} class={session.slow.value ? "slow" : ""}>
      {view && (
        <>
          <h1>{view.title}</h1>
          <p class="lede first">
            <Text text={view.lede} />
          </p>
          <div class="panels">
            {view.panels.map((panel) => (
              <PanelSection key={panel.id} panel={panel} />
            ))}
          </div>
        </>
      )}
    </main>
  );
}

function Offline(): VNode {
  const { connected } = useSession();
  return (
    <div class="offline" role="status">
      {!connected.value && <p>The Python server has stopped; waiting for it. Nothing is lost.</p>}
    </div>
  );
}

function Notices(): VNode {
  const session = useSession();
  return (
    <div class="notices" role="status">
      {session.notices.value.map((notice) => (
        <p key={notice.text} class={notice.error ? "error" : ""}>
          <span>{notice.text}</span>
          <button type="button" class="tool" aria-label={`Dismiss: ${notice.text}`} onClick={() => session.dismiss(notice)}>
            Dismiss
          </button>
        </p>
      ))}
    </div>
  );
}

const QUIET_MS = 1000;

/** Python's summary, spoken at most once a second and never in the middle of a drag. */
function Summary(): VNode {
  const session = useSession();
  const words = useSignal("");
  const last = useRef(0);
  useSignalEffect(() => {
    const summary = session.view.value?.summary ?? "";
    if (session.dragging.value || summary === words.peek()) return;
    const wait = Math.max(QUIET_MS - (performance.now() - last.current), 120);
    const timer = setTimeout(() => {
      last.current = performance.now();
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
