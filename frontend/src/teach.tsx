// Share and teach: a dialog that composes a link, by asking Python for it, and takes the state home as JSON.

import { useComputed, useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { plain, useWire } from "./context";
import { copy } from "./copy";
import { save } from "./export";
import { OWN_ROWS } from "./own";
import type { Act, View } from "./protocol";
import type { Session } from "./session";

interface Lesson {
  hide: string[];
  lock: string[];
  size: string;
  solo: boolean;
  question: string;
}

export function Teach(): VNode | null {
  const wire = useWire();
  // The section that it was opened for: another may be read meanwhile.
  const open = useSignal<Session | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const session = wire.current.value;
  const drawn = useComputed(() => Boolean(wire.current.value?.view.value));
  if (!session || !drawn.value) return null;
  const show = (): void => {
    open.value = session;
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" class="tool" aria-haspopup="dialog" onClick={show}>
        {wire.word("teach.button")}
      </button>
      <dialog
        class="teach"
        ref={dialog}
        aria-labelledby="xent-teach-title"
        onClose={() => (open.value = null)}
        onClick={(event) => {
          if (event.target === dialog.current) dialog.current?.close(); // the ground beside it
        }}
      >
        {open.value && <Form session={open.value} close={() => dialog.current?.close()} />}
      </dialog>
    </>
  );
}

function Form({ session, close }: { session: Session; close: () => void }): VNode | null {
  const view = session.view.value;
  return view && <Composer session={session} view={view} close={close} />;
}

function Composer({ session, view, close }: { session: Session; view: View; close: () => void }): VNode {
  const wire = useWire();
  const begin: Lesson = { hide: view.hidden, lock: view.locks, size: view.size, solo: wire.solo.value, question: view.question && view.question.chosen === null ? view.question.id : "" };
  const lesson = useSignal(begin);
  const link = useSignal("");
  const said = useSignal("");
  const compose = (changed: Partial<Lesson>): void => {
    lesson.value = { ...lesson.peek(), ...changed };
    const { hide, lock, size, solo, question } = lesson.peek();
    const set = (path: string, value: Act["value"]): Act => ({ do: "teach", path, value: value ?? null });
    const asking: Act = question ? { do: "ask", value: question } : { do: "leave" };
    const actions = [asking, set("hide", hide), set("lock", lock), set("size", size), set("solo", solo)];
    wire.ask({ url: session.url, actions, only: [], ...session.own() }, { answer: (answer) => (link.value = wire.address(answer.url)) });
  };
  const first = useRef(true);
  if (first.current) {
    first.current = false;
    compose({});
  }
  const flip = (list: string[], name: string, on: boolean): string[] => (on ? [...list, name] : list.filter((n) => n !== name));
  const { hide, lock, size, solo, question } = lesson.value;
  const all = lock.includes("all");
  const titles = new Map(view.panels.map(({ id, title }) => [id, title]));
  if (session.takesRows) titles.set(OWN_ROWS, wire.word("own.title"));
  for (const id of view.hidden) if (!titles.has(id)) titles.set(id, id);
  const panels = [...titles].map(([id, title]) => ({ id, title }));
  const say = (key: string): void => {
    said.value = wire.word(key);
    setTimeout(() => (said.value = ""), 2500);
  };
  return (
    <div class="teach-body">
      <h2 id="xent-teach-title">{wire.word("teach.title", { title: view.title })}</h2>
      <fieldset>
        <legend>{wire.word("teach.panels")}</legend>
        {panels.map(({ id, title }) => (
          <Check key={id} label={title} on={!hide.includes(id)} change={(on) => compose({ hide: flip(hide, id, !on) })} />
        ))}
      </fieldset>
      <fieldset>
        <legend>{wire.word("teach.locks")}</legend>
        <Check label={wire.word("teach.lock_all")} on={all} change={(on) => compose({ lock: on ? ["all"] : [] })} />
        {!all && lockable(view, session.takesRows ? wire.word("own.title") : undefined).map(({ key, label }) => <Check key={key} label={label} on={lock.includes(key)} change={(on) => compose({ lock: flip(lock, key, on) })} />)}
      </fieldset>
      <fieldset>
        <legend>{wire.word("teach.shown")}</legend>
        <Check label={wire.word("teach.solo")} on={solo} change={(on) => compose({ solo: on })} />
        <Check label={wire.word("teach.projector")} on={size === "projector"} change={(on) => compose({ size: on ? "projector" : "normal" })} />
        {view.offers.map(({ text, act }) => (
          <Check
            key={String(act.value)}
            label={wire.word("teach.ask", { question: plain(text) })}
            on={question === act.value}
            change={(on) => compose({ question: on ? String(act.value) : "" })}
          />
        ))}
      </fieldset>
      <div class="made">
        <label class="link">
          <span>{wire.word("teach.link")}</span>
          <input type="text" class="typed" readOnly value={link.value} onFocus={(e) => e.currentTarget.select()} />
        </label>
        {session.takesRows && wire.owned.value && <p class="caption">{wire.word("own.not_in_link")}</p>}
        <div class="controls">
          <button type="button" class="button" onClick={async () => {
              const done = await copy(link.value);
              say(done ? "link_copied" : "teach.refused");
            }}>
            {wire.word("teach.copy")}
          </button>
          <a class="button" href={link.value} target="_blank" rel="noreferrer">
            {wire.word("teach.open")}
          </a>
          <button
            type="button"
            class="button"
            onClick={() =>
              wire.ask(
                { url: session.url, actions: [], only: [], keep: true, ...session.own() },
                { answer: ({ kept }) => kept !== undefined && save(`xent-${session.name}.json`, kept, "application/json") },
              )
            }
          >
            {wire.word("teach.json")}
          </button>
          <button type="button" class="button" onClick={close}>
            {wire.word("teach.close")}
          </button>
          <span class="said" role="status">
            {said.value}
          </span>
        </div>
      </div>
    </div>
  );
}

function Check({ label, on, change }: { label: string; on: boolean; change: (on: boolean) => void }): VNode {
  return (
    <label class="toggle">
      <input type="checkbox" checked={on} onChange={(e) => change(e.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

interface Lockable {
  key: string;
  label: string;
}

/** Everything of a view that can be edited, by the path or the action that edits it. */
function lockable(view: View, own: string | undefined): Lockable[] {
  const found = new Map<string, string>();
  const add = (key: string | undefined, label: string | undefined): void => {
    const field = key?.split(".")[0];
    if (field && label && !found.has(field)) found.set(field, label);
  };
  add("own", own);
  for (const item of view.panels.flatMap((panel) => panel.items)) {
    if (item.kind === "bars") item.rows.forEach((row) => add(row.drag?.path, plain(item.title)));
    if (item.kind === "sheet") item.columns.forEach((label, i) => item.rows.forEach(({ cells }) => add(pathOf(cells[i]), label)));
    if (item.kind !== "controls" && item.kind !== "gallery") continue;
    for (const control of item.kind === "controls" ? item.items : item.controls) {
      if (control.kind === "slider") add(control.drag.path, control.label);
      else if (control.kind === "choice" || control.kind === "toggle") add(control.path, control.label);
      else if (control.kind === "button") add(control.act.do, control.label);
      else add(control.step.do, control.label);
    }
  }
  return [...found].map(([key, label]) => ({ key, label }));
}

function pathOf(cell: unknown): string | undefined {
  return typeof cell === "object" && cell !== null && "path" in cell ? String(cell.path) : undefined;
}
