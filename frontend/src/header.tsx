// The quiet line at the top: where we are, undo and redo, the link, the theme.

import { signal, useSignal, type Signal } from "@preact/signals";
import type { VNode } from "preact";
import { useWire } from "./context";
import { copy } from "./copy";
import { Teach } from "./teach";

const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const KEY = "xent-theme";

/** The reader's choice is kept in this browser, where it may be kept; it is no part of the state. */
export function storedTheme(): Signal<Theme> {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
  return signal(THEMES.find((t) => t === kept) ?? "auto");
}

function keep(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // As above.
  }
}

export function Header({ theme }: { theme: Signal<Theme> }): VNode {
  const wire = useWire();
  const { model } = wire;
  const session = wire.current.value;
  const said = useSignal("");
  const back = (session?.undos.value.length ?? 0) > 0;
  const forth = (session?.redos.value.length ?? 0) > 0;
  const copyLink = async (): Promise<void> => {
    const done = await copy(String(model.get("link")));
    said.value = wire.word(done ? "link_copied" : "link_refused");
    setTimeout(() => (said.value = ""), 2500);
  };
  return (
    <header class="top">
      <p class="wordmark">
        <b>xent</b> <span aria-hidden="true">·</span> {wire.word("wordmark")}
      </p>
      <div class="tools" role="group" aria-label={wire.word("tools")}>
        <span class="said" role="status">
          {said.value}
        </span>
        <button type="button" class="tool" aria-disabled={!back} aria-keyshortcuts="Control+Z" onClick={() => back && session?.travel({ to: "undo" })}>
          {wire.word("undo")}
        </button>
        <button type="button" class="tool" aria-disabled={!forth} aria-keyshortcuts="Control+Shift+Z" onClick={() => forth && session?.travel({ to: "redo" })}>
          {wire.word("redo")}
        </button>
        {model.get("link") !== undefined && (
          <button type="button" class="tool" onClick={copyLink}>
            {wire.word("copy_link")}
          </button>
        )}
        {model.get("link") !== undefined && <Teach />}
        {wire.whole && (
          <button type="button" class="tool" onClick={() => wire.print()}>
            {wire.word("print")}
          </button>
        )}
        {wire.whole && (
          <fieldset class="choice theme">
            <legend class="hidden">{wire.word("theme")}</legend>
            <div class="options">
              {THEMES.map((t) => (
                <label key={t}>
                  <input
                    type="radio"
                    name="xent-theme"
                    value={t}
                    checked={t === theme.value}
                    onChange={() => {
                      theme.value = t;
                      keep(t);
                    }}
                  />
                  <span>{wire.word(`themes.${t}`)}</span>
                </label>
              ))}
            </div>
          </fieldset>
        )}
      </div>
    </header>
  );
}
