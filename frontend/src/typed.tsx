// Text that can be edited in place: a number or a name. Enter or leaving the field commits, Escape restores.

import { useComputed, useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { hue, useSession } from "./context";

interface TypedProps {
  text: string;
  path: string;
  label: string;
  class?: string;
  about?: string | undefined;
  number?: boolean;
}

export function Typed({ text, path, label, class: own = "", about, number = false }: TypedProps): VNode {
  const session = useSession();
  const draft = useSignal<string | null>(null);
  const on = useComputed(() => about !== undefined && session.lit.value === about);
  const commit = (): void => {
    const words = draft.peek();
    draft.value = null;
    // Python reads what was typed, "-inf" and "1e-3" included, and says so when it cannot.
    if (words !== null && words.trim() !== text) session.act({ do: "set", path, value: words.trim() });
  };
  return (
    <input
      type="text"
      class={`typed ${own} ${hue(about)} ${on.value ? "on" : ""}`}
      aria-label={label}
      value={draft.value ?? text}
      size={Math.max(text.length, 3)}
      readOnly={session.locked({ do: "set", path })}
      autocomplete="off"
      autocapitalize="off"
      spellcheck={false}
      data-path={path}
      data-ref={about}
      data-num={number ? "" : undefined}
      onFocus={(e) => e.currentTarget.select()}
      onInput={(e) => (draft.value = e.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(e) => {
        if (e.key === "Enter") {
          commit();
          e.currentTarget.select();
        } else if (e.key === "Escape") {
          draft.value = null;
          e.stopPropagation();
        }
      }}
    />
  );
}
