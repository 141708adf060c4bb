// The table of contents: beside the article where there is room, above it and folded where there is none.

import { useSignal, useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { useWire } from "./context";
import type { Entry } from "./protocol";

/** The room around the entry that is read, where the list is longer than the screen. */
const AIR_PX = 48;

export function Toc(): VNode {
  const wire = useWire();
  const open = useSignal(false);
  const nav = useRef<HTMLElement>(null);
  const groups = new Map<string, Entry[]>();
  for (const entry of wire.contents.value?.sections ?? []) groups.set(entry.group, [...(groups.get(entry.group) ?? []), entry]);
  const go = (event: MouseEvent, name: string): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab, another window
    event.preventDefault();
    open.value = false;
    const session = wire.sessions.peek().get(name);
    if (!session) return;
    session.start();
    wire.active.value = name;
    wire.save(session);
    wire.goal.value = name;
    document.getElementById(session.id("heading"))?.focus({ preventScroll: true });
  };
  useSignalEffect(() => {
    void wire.active.value;
    requestAnimationFrame(() => nav.current && follow(nav.current));
  });
  return (
    <nav class="toc" ref={nav} aria-label={wire.word("contents")}>
      <button type="button" class="tool fold" aria-expanded={open.value} aria-controls="xent-toc" onClick={() => (open.value = !open.value)}>
        {wire.word("contents")}
      </button>
      <div class={open.value ? "list open" : "list"} id="xent-toc">
        {[...groups].map(([group, entries]) => (
          <div key={group}>
            <p class="group">{group}</p>
            <ul>
              {entries.map(({ name, number, title, url }) => (
                <li key={name}>
                  <a href={`#${url}`} aria-current={wire.active.value === name ? "location" : undefined} onClick={(event) => go(event, name)}>
                    <span class="nr">{number}</span>
                    {title}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </div>
    </nav>
  );
}

/** Scroll the list, and nothing else, to the entry that is read. */
function follow(nav: HTMLElement): void {
  const here = nav.querySelector("[aria-current]")?.getBoundingClientRect();
  if (!here || nav.scrollHeight <= nav.clientHeight) return;
  const { top, bottom } = nav.getBoundingClientRect();
  if (here.top < top + AIR_PX) nav.scrollTop -= top + AIR_PX - here.top;
  else if (here.bottom > bottom - AIR_PX) nav.scrollTop += here.bottom - bottom + AIR_PX;
}
