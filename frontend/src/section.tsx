// One section of the article: heading, text, and the experiment, which is asked for when it comes near the screen.

import { untracked, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { SessionContext, useSeen, useWire } from "./context";
import { OWN_ROWS, OwnRows } from "./own";
import { PanelSection } from "./panels";
import { Questions } from "./question";
import type { Entry } from "./protocol";
import type { Session } from "./session";
import { memo } from "./share";
import { Text } from "./text";

/** A picture is asked for when it is within so much of the screen: a screen and a half below it, less above. */
const NEAR = "40% 0px 150% 0px";
/** The section that crosses this line, a quarter down the screen, is the one being read. */
const LINE = "-25% 0px -74% 0px";

export const ArticleSection = memo(({ entry, session }: { entry: Entry; session: Session }): VNode => {
  const ref = useRef<HTMLElement>(null);
  const wire = useWire();
  const { slow } = session;
  const drawn = useComputed(() => session.view.value !== null);
  const alone = wire.solo.value;
  const Heading = alone ? "h1" : "h2";
  const near = useSignal(false);
  useSeen(ref, (is) => (near.value = is), NEAR);
  useSignalEffect(() => {
    if (near.value && wire.ready.value) untracked(() => session.start());
  });
  useRead(ref, session);
  return (
    <SessionContext.Provider value={session}>
      <section
        ref={ref}
        class={slow.value ? "section slow" : "section"}
        id={session.id("section")}
        data-section={entry.name}
        aria-labelledby={session.id("heading")}
        aria-busy={slow.value || !drawn.value}
      >
        <Heading class="heading" id={session.id("heading")} tabIndex={-1}>
          {!alone && <Anchor entry={entry} session={session} />}
          {entry.title}
        </Heading>
        <p class="lede">
          <Text text={entry.text} />
        </p>
        <Body session={session} />
      </section>
    </SessionContext.Provider>
  );
});

/** The number before a heading is a link to the section as it stands. */
function Anchor({ entry, session }: { entry: Entry; session: Session }): VNode {
  const wire = useWire();
  return (
    <a
      class="anchor"
      href={`#${entry.url}`}
      onFocus={(event) => event.currentTarget.setAttribute("href", `#${session.url || entry.url}`)}
      onPointerEnter={(event) => event.currentTarget.setAttribute("href", `#${session.url || entry.url}`)}
      aria-label={wire.word("link_to", { number: String(entry.number), title: entry.title })}
      onClick={(event) => {
        event.preventDefault();
        wire.follow(session);
        wire.goal.value = entry.name;
      }}
    >
      {entry.number}
    </a>
  );
}

function Body({ session }: { session: Session }): VNode {
  const wire = useWire();
  const view = session.view.value;
  if (!view) {
    return (
      <div class="panels waiting">
        <p class="note">{wire.word("waiting")}</p>
        <p class="on-paper">{wire.word("not_printed")}</p>
      </div>
    );
  }
  return (
    <>
      <Questions offers={view.offers} question={view.question} />
      {session.takesRows && !view.hidden.includes(OWN_ROWS) && <OwnRows />}
      <div class="panels" id={session.id("panels")}>
        {view.panels.map((panel) => (
          <PanelSection key={panel.id} panel={panel} />
        ))}
      </div>
    </>
  );
}

/** Which section is read is known once the reader scrolls, and not while the page goes where its link wants it. */
function useRead(ref: { current: HTMLElement | null }, session: Session): void {
  const wire = useWire();
  useLayoutEffect(() => {
    if (!wire.whole || !ref.current) return;
    let scrolled = false;
    const onScroll = (): void => {
      scrolled = true;
    };
    addEventListener("scroll", onScroll, { passive: true });
    const watch = new IntersectionObserver(
      (entries) => {
        const here = entries.at(-1)?.isIntersecting;
        if (here && scrolled && wire.goal.peek() === null) wire.reading.value = session.name;
      },
      { rootMargin: LINE },
    );
    watch.observe(ref.current);
    return () => {
      watch.disconnect();
      removeEventListener("scroll", onScroll);
    };
  }, []);
}
