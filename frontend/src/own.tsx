// The reader's own rows: pasted, opened as a file, or dropped. The page keeps the text, which is base64 if the file was
// none; Python reads it, and says what it read or what is wrong.

import { useComputed, useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useSession, useWire } from "./context";
import type { Given } from "./protocol";
import { Text } from "./text";

/** What a lesson calls this part, to leave it out. */
export const OWN_ROWS = "own-rows";

const FORMS = ["logits", "probs"] as const;
const LONGEST_SHOWN = 20_000;
const MOST_BYTES = 4; // a character has so many
const PACKED = "bytes;base64,"; // says to Python that the rest is a file of bytes
const SIGNS = ["PK\u0003\u0004", "\u0093NUMPY"]; // what an .npz and an .npy begin with

export function OwnRows(): VNode {
  const session = useSession();
  const wire = useWire();
  const { own } = wire;
  const draft = useSignal(own.peek()?.name === "" && own.peek()!.text.length <= LONGEST_SHOWN ? own.peek()!.text : "");
  const form = useSignal<Given["form"]>(own.peek()?.form ?? "logits");
  const said = useSignal("");
  const over = useSignal(false);
  const wrong = useComputed(() => session.refused.value !== "");
  const owned = wire.owned.value;
  const locked = session.locked({ do: "own" });
  const Heading = wire.solo.value ? "h2" : "h3";
  const id = (part: string): string => session.id(OWN_ROWS, part);

  const give = (name: string, text: string): void => {
    said.value = "";
    if (text.trim() === "") refuse("own.empty");
    else if (text.length > (wire.contents.peek()?.longest ?? 0)) refuse("own.too_long", name || wire.word("own.these"));
    else session.showOwn({ name, text, form: form.peek() });
  };
  const refuse = (key: string, name = ""): void => {
    session.refused.value = wire.word(key, { name });
  };
  const open = async (file: File | null | undefined): Promise<void> => {
    if (!file || locked) return;
    const longest = (wire.contents.peek()?.longest ?? 0) * MOST_BYTES;
    if (file.size > longest) return refuse("own.too_long", file.name);
    try {
      const text = await read(file);
      if (text.startsWith(PACKED) && text.length > longest / MOST_BYTES) refuse("own.too_large", file.name);
      else give(file.name, text);
    } catch {
      refuse("own.unreadable", file.name);
    }
  };
  const choose = (to: Given["form"]): void => {
    form.value = to;
    const now = own.peek();
    if (now) session.showOwn({ ...now, form: to });
  };
  const forget = (): void => {
    wire.forgetOwn();
    said.value = wire.word("own.forgotten");
  };

  return (
    <details
      class={over.value ? "own-rows over" : "own-rows"}
      id={session.id(OWN_ROWS)}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => (over.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        over.value = false;
        event.currentTarget.open = true;
        void open(event.dataTransfer?.files[0]);
      }}
    >
      <summary>
        <Heading class="panel-title">{wire.word("own.title")}</Heading>
        <span class="brief">{owned ? <Text text={owned.text} /> : wire.word("own.none")}</span>
      </summary>
      <div class="own-body">
        <p class="note story" id={id("story")}>
          {wire.word("own.story")}
        </p>
        <div class="give">
          <label class="pasted">
            <span class="control-label">{wire.word("own.label")}</span>
            <textarea
              rows={7}
              wrap="off"
              value={draft.value}
              placeholder={wire.word("own.example")}
              readOnly={locked}
              aria-invalid={wrong.value}
              aria-describedby={`${id("story")} ${id("error")}`}
              autocomplete="off"
              autocapitalize="off"
              spellcheck={false}
              onInput={(event) => (draft.value = event.currentTarget.value)}
            />
          </label>
          <p class="error" id={id("error")} role="alert">
            {session.refused.value && (
              <>
                <b>{wire.word("not_done")}</b> {session.refused.value}
              </>
            )}
          </p>
          <fieldset class={locked ? "choice locked" : "choice"}>
            <legend class="control-label">{wire.word("own.form")}</legend>
            <div class="options">
              {FORMS.map((one) => (
                <label key={one}>
                  <input type="radio" name={id("form")} value={one} checked={form.value === one} disabled={locked} onChange={() => choose(one)} />
                  <span>{wire.word(one === "probs" ? "own.forms.probs" : "own.forms.logits")}</span>
                </label>
              ))}
            </div>
          </fieldset>
          <div class="controls">
            <Own press={() => give("", draft.peek())} locked={locked} class="button use">
              {wire.word("own.use")}
            </Own>
            <label class="button file">
              <input
                type="file"
                accept=".csv,.tsv,.txt,.dat,.npz,.npy,text/*"
                disabled={locked}
                onChange={(event) => {
                  const { currentTarget: input } = event;
                  void open(input.files?.[0]).finally(() => (input.value = "")); // so that it can be opened again
                }}
              />
              <span>{wire.word("own.open")}</span>
            </label>
          </div>
        </div>
        <div class="read">
          <div role="status">
            <p>{owned ? <Text text={owned.text} /> : said.value}</p>
            {owned?.notes.map((note) => (
              <p key={note} class="note">
                {note}
              </p>
            ))}
          </div>
          {owned && (
            <div class="controls">
              <Own press={() => session.showOwn()} locked={locked}>
                {wire.word("own.show")}
              </Own>
              <Own press={forget} locked={locked}>
                {wire.word("own.forget")}
              </Own>
            </div>
          )}
        </div>
        <p class="note private">{wire.word("own.private")}</p>
      </div>
    </details>
  );
}

/** A file as text, or its bytes as such, if they are NumPy's. */
async function read(file: File): Promise<string> {
  const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 6).arrayBuffer()));
  if (!SIGNS.some((sign) => start.startsWith(sign))) return file.text();
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(PACKED + String(reader.result).split(",")[1]);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

interface OwnProps {
  press: () => void;
  locked: boolean;
  class?: string;
  children: string;
}

function Own({ press, locked, class: own = "button", children }: OwnProps): VNode {
  return (
    <button type="button" class={own} aria-disabled={locked ? true : undefined} onClick={() => !locked && press()}>
      {children}
    </button>
  );
}
