// The table of contents: beside the article where there is room, above it and folded where there is none.

import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useWire } from "./context";
import type { Entry } from "./protocol";

export function Toc(): VNode {
  const wire = useWire();
  const open = useSignal(false);
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
  return (
    <nav class="toc" aria-label={wire.word("contents")}>
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
