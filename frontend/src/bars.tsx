// Bars from zero, one row a class; and a group of such figures that share their rows.

import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import type { ReadonlySignal } from "@preact/signals";
import { scaleOf } from "./axis";
import { hue, Lit, plain, useWidth, useWire } from "./context";
import { measure } from "./labels";
import { FONT, inside, spaced } from "./plot";
import type { Axis, Bar, Bars, Tick } from "./protocol";
import { memo } from "./share";
import { useSlide } from "./slide";
import { Frame, Number_, Press } from "./text";
import { Typed } from "./typed";

export const BarsFigure = memo(({ item }: { item: Bars }): VNode => {
  const title = plain(item.title);
  // Names and numbers get widths that rarely change, so that lanes stay put while numbers move.
  const kinds = [
    width("number", longest(item.rows.flatMap((row) => [row.number, ...(row.more ?? [])].map((n) => n.text))), [7, 11]),
    width("name", longest(item.rows.map((row) => row.label)), [3, 9]),
    item.rows.some((row) => row.pick) && "picks",
    item.rows.some((row) => row.remove) && "removes",
    item.rows.some((row) => row.name_path) && "renames",
    item.series && `series${item.series.length}`,
  ];
  return (
    <Frame id={item.id} kind={["bars", ...kinds].filter(Boolean).join(" ")} title={item.title} caption={item.caption} table={item.table}>
      <ul class="rows">
        {item.rows.map((row) => (
          <Row key={row.ref} row={row} axis={item.axis} title={title} />
        ))}
      </ul>
      <Ticks axis={item.axis} />
      {item.series && (
        <ul class="key">
          {item.series.map((name, i) => (
            <li key={name}>
              <i class={`swatch of${i}`} aria-hidden="true" />
              {name}
            </li>
          ))}
        </ul>
      )}
      {item.add && (
        <Press act={item.add} class="button add">
          {item.add.label}
        </Press>
      )}
    </Frame>
  );
});

const longest = (texts: string[]): number => Math.max(...texts.map((text) => text.length), 0);

/** "name-short", "name-mid" or "name-long": figures.css says how wide that is. */
function width(what: string, length: number, [short, mid]: [number, number]): string {
  return `${what}-${length <= short ? "short" : length <= mid ? "mid" : "long"}`;
}

export function AlignedBars({ items }: { items: Bars[] }): VNode {
  const deep = Math.max(...items.map((item) => item.series?.length ?? 1));
  return (
    <div class={`aligned of${items.length} deep${deep}`}>
      {items.map((item) => (
        <BarsFigure key={item.id} item={item} />
      ))}
    </div>
  );
}

const Row = memo(({ row, axis, title }: { row: Bar; axis: Axis; title: string }): VNode => {
  const name = `${title}, ${row.label}`;
  const wire = useWire();
  return (
    <Lit tag="li" about={row.ref} class={row.picked ? "row picked" : "row"}>
      <span class="name">
        {row.pick && (
          <Press act={row.pick} class="pick" label={row.pick.label} pressed={row.picked ?? false}>
            <i class="dot" aria-hidden="true" />
          </Press>
        )}
        {row.name_path ? (
          <Typed text={row.label} path={row.name_path} label={wire.word("name_of", { label: row.label })} class="label" about={row.ref} />
        ) : (
          <span class="label">{row.label}</span>
        )}
        {row.remove && !row.remove.disabled && (
          <Press act={row.remove} class="remove" label={row.remove.label}>
            <span aria-hidden="true">×</span>
          </Press>
        )}
      </span>
      {row.drag ? (
        <Typed text={row.number.text} path={row.drag.path} label={name} class="value" about={row.number.ref ?? row.ref} number />
      ) : (
        <span class="value">
          <Number_ number={row.number} />
          {row.more?.map((number, i) => <Number_ key={i} number={number} />)}
        </span>
      )}
      {row.drag ? <DragLane row={row} axis={axis} drag={row.drag} label={name} /> : <div class="lane"><Drawn row={row} axis={axis} /></div>}
    </Lit>
  );
});

function DragLane({ row, axis, drag, label }: { row: Bar; axis: Axis; drag: NonNullable<Bar["drag"]>; label: string }): VNode {
  const { asked, props } = useSlide({ drag, axis, number: row.number, spoken: row.spoken, label });
  return (
    <div class="lane drag" {...props}>
      <Drawn row={row} axis={axis} />
      <Thumb asked={asked} row={row} axis={axis} />
    </div>
  );
}

/** The handle, moved by a transform of its own layer: following the pointer costs no layout and no paint. */
function Thumb({ asked, row, axis }: { asked: ReadonlySignal<number | null>; row: Bar; axis: Axis }): VNode | null {
  const at = asked.value ?? row.number.value;
  if (at === null) return null;
  return (
    <span class={`track ${hue(row.ref)}`} style={{ transform: `translateX(${scaleOf(axis, 0, 100).place(at)}%)` }} aria-hidden="true">
      <span class="thumb" />
    </span>
  );
}

/** The bar itself. Lengths are per cent of the lane, so it needs no measuring. */
function Drawn({ row, axis }: { row: Bar; axis: Axis }): VNode {
  const scale = scaleOf(axis, 0, 100);
  const zero = scale.place(0);
  return (
    <svg class={`bar ${hue(row.ref)}`} aria-hidden="true" focusable="false">
      <Grid axis={axis} />
      {row.masked ? (
        <Masked at={zero} />
      ) : (
        [row.number, ...(row.more ?? [])].map((number, i, all) => (
          <Length key={i} from={zero} to={number.value === null ? zero : scale.place(number.value)} at={i} of={all.length} />
        ))
      )}
      <line class="zero" x1={`${zero}%`} x2={`${zero}%`} y1="0" y2="100%" />
    </svg>
  );
}

/** One bar of a row; those after the first are striped, so that they differ by more than their place. */
function Length({ from, to, at, of }: { from: number; to: number; at: number; of: number }): VNode {
  const height = of === 1 ? 56 : 80 / of;
  const top = of === 1 ? 22 : 10 + at * height;
  return <rect class={`fill of${at}`} x={`${Math.min(from, to)}%`} width={`${Math.abs(to - from)}%`} y={`${top}%`} height={`${of === 1 ? height : height - 4}%`} />;
}

const Grid = memo(({ axis }: { axis: Axis }): VNode => {
  const scale = scaleOf(axis, 0, 100);
  return (
    <g class="grid">
      {axis.ticks.map((tick) => (
        <line key={tick.at} x1={`${scale.place(tick.at)}%`} x2={`${scale.place(tick.at)}%`} y1="0" y2="100%" />
      ))}
    </g>
  );
});

/** A logit of −∞ has no end: a hatched stub that runs off to the left says so. */
function Masked({ at }: { at: number }): VNode {
  const strokes = Array.from({ length: 14 }, (_, i) => (at * i) / 14);
  return (
    <g class="masked">
      {strokes.map((x) => (
        <line key={x} x1={`${x}%`} x2={`${x + at / 20}%`} y1="78%" y2="22%" />
      ))}
    </g>
  );
}

const GAP_PX = 10;

/** Numbers under the bars, all of them or as many as keep apart. */
const Ticks = memo(({ axis }: { axis: Axis }): VNode => {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box).value;
  const scale = scaleOf(axis, 0, width);
  const room = (tick: Tick): number => measure(tick.text, FONT);
  // A single digit may stand out by half of itself.
  const place = (tick: Tick): number => (tick.text.length > 1 ? inside(scale.place(tick.at), room(tick), width) : scale.place(tick.at));
  return (
    <div class="ticks" aria-hidden="true" ref={box}>
      <svg>
        {width > 0 &&
          spaced(axis.ticks, place, (tick) => room(tick) + GAP_PX).map((tick) => (
            <text key={tick.at} x={place(tick)} y="0.85em" text-anchor="middle">
              {tick.text}
            </text>
          ))}
      </svg>
      <span class="axis-label">{axis.label}</span>
    </div>
  );
});
