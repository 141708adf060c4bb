// The same computation for several libraries: tabs, and a button that takes the shown one along.

import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { plain, useSession, useWire } from "./context";
import { copy } from "./copy";
import type { Code } from "./protocol";
import { memo } from "./share";
import { Text } from "./text";

export const CodeFigure = memo(({ item }: { item: Code }): VNode => {
  const chosen = useSignal(0);
  const said = useSignal("");
  const tabs = useRef<HTMLDivElement>(null);
  const session = useSession();
  const wire = useWire();
  const at = Math.min(chosen.value, item.tabs.length - 1);
  const tab = item.tabs[at];
  const choose = (to: number): void => {
    chosen.value = (to + item.tabs.length) % item.tabs.length;
    (tabs.current?.children[chosen.value] as HTMLElement | undefined)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: item.tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
  };
  return (
    <div class="code" id={session.id("code", item.id)}>
      <p class="title">
        <Text text={item.title} />
      </p>
      <div class="tab-row">
        <div class="tabs" role="tablist" aria-label={plain(item.title)} ref={tabs} onKeyDown={onKeyDown}>
          {item.tabs.map((t, i) => (
            <button
              type="button"
              role="tab"
              key={t.id}
              id={session.id("tab", item.id, t.id)}
              aria-selected={i === at}
              aria-controls={session.id("source", item.id)}
              tabIndex={i === at ? 0 : -1}
              onClick={() => (chosen.value = i)}
            >
              {t.label}
            </button>
          ))}
        </div>
        <button
          type="button"
          class="button"
          aria-label={wire.word("copy_code", { name: tab?.label ?? "" })}
          onClick={async () => {
            const done = await copy(tab?.source ?? "");
            said.value = done ? wire.word("code_copied", { name: tab?.label ?? "" }) : wire.word("code_refused");
            setTimeout(() => (said.value = ""), 2500);
          }}
        >
          {wire.word("copy")}
        </button>
        <span class="said" role="status">
          {said.value}
        </span>
      </div>
      <pre id={session.id("source", item.id)} class="scroll" role="tabpanel" tabIndex={0} aria-labelledby={session.id("tab", item.id, tab?.id ?? "")}>
        <code>{tab?.source}</code>
      </pre>
    </div>
  );
});
