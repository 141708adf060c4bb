// Running text with live numbers, the frame that every figure shares, and the table of data behind it.

import { useSignal } from "@preact/signals";
import type { ComponentChildren, VNode } from "preact";
import { Lit, plain, useSession, useWire } from "./context";
import type { Act, Inline, Num, Table } from "./protocol";
import { memo } from "./share";
import { read, save, tableRows, toCsv, toPng, toSvg, type Drawing } from "./export";

export function Number_({ number }: { number: Num }): VNode {
  return (
    <Lit about={number.ref} class="num" data-num="">
      {number.text}
    </Lit>
  );
}

/** Mathematics in running text keeps together: no line ends before a number or a symbol that a sign leads to. */
const bound = (words: string): string => words.replace(/ ([−+·=≈]) (?=$|[−\d]|exp\b)/g, "\u00a0$1\u00a0").replace(/\blog (?!\w{3})/g, "log\u00a0");

export function Text({ text }: { text: Inline[] }): VNode {
  return (
    <>
      {text.map((piece) => {
        if (typeof piece === "string") return bound(piece);
        if (!("style" in piece)) return <Number_ number={piece} />;
        const Tag = piece.style;
        return <Tag>{piece.text}</Tag>;
      })}
    </>
  );
}

interface FrameProps {
  id: string;
  kind: string;
  title: Inline[];
  caption?: Inline[] | undefined;
  table?: Table | undefined;
  children: ComponentChildren;
}

/** A figure: title, drawing, caption, and its numbers as a table. */
export function Frame({ id, kind, title, caption, table, children }: FrameProps): VNode {
  const session = useSession();
  return (
    <figure class={`figure ${kind}`} id={session.id("figure", id)} aria-labelledby={session.id("title", id)}>
      <figcaption class="title" id={session.id("title", id)}>
        <Text text={title} />
      </figcaption>
      <div class="drawing">{children}</div>
      <div class="under">
        {caption && (
          <p class="caption">
            <Text text={caption} />
          </p>
        )}
        {table && <Data table={table} of={plain(title)} figure={session.id("figure", id)} />}
      </div>
    </figure>
  );
}

/** The table is drawn only while it is open: it is as long as the figure is rich, and mostly closed. */
function Data({ table, of, figure }: { table: Table; of: string; figure: string }): VNode {
  const open = useSignal(false);
  const wire = useWire();
  return (
    <details class="data" onToggle={(e) => (open.value = e.currentTarget.open)}>
      <summary aria-label={`${wire.word("data")}: ${of}`}>{wire.word("data")}</summary>
      {open.value && (
        <>
          <DataTable table={table} of={of} />
          <Exports figure={figure} of={of} rows={tableRows(table)} />
        </>
      )}
    </details>
  );
}

/** The figure to take along. */
export function Exports({ figure, of, rows }: { figure: string; of: string; rows: (string | Num)[][] }): VNode {
  const wire = useWire();
  const drawing = (): Drawing | null => {
    const element = document.getElementById(figure);
    return element && read(element);
  };
  const kinds: Record<string, () => void> = {
    SVG: () => {
      const read = drawing();
      if (read) save(`xent-${figure}.svg`, toSvg(read, of), "image/svg+xml");
    },
    PNG: async () => {
      const read = drawing();
      const blob = read && (await toPng(read));
      if (blob) save(`xent-${figure}.png`, blob);
    },
    CSV: () => save(`xent-${figure}.csv`, toCsv(rows), "text/csv"),
  };
  return (
    <p class="exports">
      {Object.entries(kinds).map(([kind, go]) => (
        <button key={kind} type="button" class="button" aria-label={wire.word("save_as", { kind, title: of })} onClick={go}>
          {kind}
        </button>
      ))}
    </p>
  );
}

const DataTable = memo(({ table, of }: { table: Table; of: string }): VNode => {
  const wire = useWire();
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={wire.word("table_of", { title: of })}>
      <table>
        <thead>
          <tr>
            {table.columns.map((name) => (
              <th scope="col">{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <tr>
              {row.map((cell, i) => {
                const shown = typeof cell === "string" ? cell : <Number_ number={cell} />;
                return i === 0 ? <th scope="row">{shown}</th> : <td>{shown}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
});

interface PressProps {
  act: Act;
  class?: string;
  label?: string | undefined;
  pressed?: boolean | undefined;
  children: ComponentChildren;
  onPress?: () => void;
}

/** A button. One that cannot be pressed stays focusable, so that the focus is not lost when a run ends. */
export function Press({ act, class: own = "button", label, pressed, children, onPress }: PressProps): VNode {
  const session = useSession();
  const off = act.disabled || session.locked(act);
  return (
    <button
      type="button"
      class={own}
      aria-label={label}
      aria-pressed={pressed}
      aria-disabled={off ? true : undefined}
      data-do={act.do}
      onClick={() => {
        if (!off) (onPress ?? (() => session.act(act)))();
      }}
    >
      {children}
    </button>
  );
}
