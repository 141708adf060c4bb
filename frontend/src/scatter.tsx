// Points of data over two axes, with regions behind and lines, arrows and marks among them.

import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { rounded } from "./axis";
import { hue, Lit, useSession, useWidth } from "./context";
import { pathOf, visible, Word } from "./curves";
import { Grip, placeOf } from "./grip";
import { along, alongLine, among, beside, Layout, measure, onLine, traced, type Place, type Spot } from "./labels";
import { Axes, FONT, LINE, plotOf, type Plot } from "./plot";
import type { Arrow, Dot, Scatter } from "./protocol";
import { memo } from "./share";
import { Frame, Press } from "./text";

export const ScatterFigure = memo(({ item }: { item: Scatter }): VNode => {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box).value;
  return (
    <Frame id={item.id} kind="scatter curves" title={item.title} caption={item.caption} table={item.table}>
      <div class="sized" ref={box}>
        {width > 0 && <Drawing item={item} width={width} />}
      </div>
      {item.add && (
        <Press act={{ ...item.add, value: [middle(item.x.domain), middle(item.y.domain)] }} class="button add">
          {item.add.label}
        </Press>
      )}
    </Frame>
  );
});

const middle = ([low, high]: [number, number]): number => (low + high) / 2;
const MOST_PX = 560;

function framed(item: Scatter, width: number): Plot {
  const across = item.square ? Math.min(width, MOST_PX) : width;
  const plot = plotOf(across, Math.round(Math.min(Math.max(across * 0.62, 230), 360)), item.x, item.y);
  if (!item.square) return plot;
  const span = ([low, high]: [number, number]): number => high - low;
  const tall = ((plot.right - plot.left) * span(item.y.domain)) / span(item.x.domain);
  return { ...plotOf(across, Math.round(tall + plot.top + 40), item.x, item.y) };
}

function Drawing({ item, width }: { item: Scatter; width: number }): VNode {
  const session = useSession();
  const plot = framed(item, width);
  const { left, right, top, bottom } = plot;
  const layout = new Layout({ x: left + 4, y: top - 12, width: right - left - 4, height: bottom - top + 8 }, FONT, LINE);
  const at = ([x, y]: [number, number]): { x: number; y: number } => ({ x: plot.x.place(x), y: plot.y.place(y) });
  for (const m of item.marks) layout.spot(plot.x.place(m.x), plot.y.place(m.y));
  for (const d of item.dots) layout.spot(plot.x.place(d.x), plot.y.place(d.y), 5);
  const clip = session.id("clip", item.id);
  const frame = JSON.stringify([plot.width, plot.height, left, item.x.domain, item.x.scale, item.y.domain, item.y.scale]);
  const ways = item.lines.map((l) => visible(l, plot, frame));
  const inside = { x: left, y: top, width: right - left, height: bottom - top };
  const shafts = item.arrows.map((arrow) => traced([at(arrow.start), at(arrow.end)], inside));
  for (const box of [...ways, ...shafts].flatMap(along)) layout.keep(box);
  const names = item.dots.map((dot) => (dot.label ? layout.put(dot.label, beside(plot.x.place(dot.x), plot.y.place(dot.y))) : null));
  const shapes = item.regions.map((region) => ({ ref: region.ref, corners: region.points.map(at) }));
  const on = (words: string, place: Place | null | undefined): string | undefined => {
    if (!place) return undefined;
    const under = cornersOf(place, words).map((spot) => shapes.find(({ corners }) => within(spot, corners))?.ref);
    return under.every((ref) => ref === under[0]) ? under[0] : undefined;
  };
  const onClick = (event: MouseEvent): void => {
    if (!item.add || item.add.disabled || session.locked(item.add)) return;
    const { x, y } = placeOf(event);
    if (x < left || x > right || y < top || y > bottom) return;
    session.act({ ...item.add, value: [rounded(plot.x.value(x)), rounded(plot.y.value(y))] });
  };
  return (
    <>
      <svg
        class={item.add && !item.add.disabled ? "ground" : undefined}
        width={plot.width}
        height={plot.height}
        viewBox={`0 0 ${plot.width} ${plot.height}`}
        aria-hidden="true"
        focusable="false"
        onClick={onClick}
      >
        <clipPath id={clip}>
          <rect x={left} y={top} width={right - left} height={bottom - top} />
        </clipPath>
        <g clip-path={`url(#${clip})`}>
          {item.regions.map((region, i) => (
            <Lit tag="path" about={region.ref} class="region" key={i} d={`M${region.points.map(at).map(({ x, y }) => `${x} ${y}`).join("L")}z`} />
          ))}
        </g>
        <Axes plot={plot} x={item.x} y={item.y} />
        <g clip-path={`url(#${clip})`}>
          {item.lines.map((l, i) => (
            <Lit tag="path" about={l.ref} class={["line", l.dashed && "dashed", l.thin && "thin"].filter(Boolean).join(" ")} key={i} d={pathOf(l, plot, frame)} />
          ))}
          {item.arrows.map((arrow, i) => (
            <Head key={i} arrow={arrow} from={at(arrow.start)} to={at(arrow.end)} />
          ))}
        </g>
        {item.dots.map((dot, i) => (
          <Point key={i} dot={dot} {...at([dot.x, dot.y])} words={names[i] ?? null} over={on(dot.label, names[i])} />
        ))}
        {item.marks.map((m, i) => (
          <Lit tag="circle" about={m.ref} class="mark" key={`${i} ${m.ref}`} cx={plot.x.place(m.x)} cy={plot.y.place(m.y)} r="5" />
        ))}
        {item.marks.map((m, i) => (
          <Word key={`${i} ${m.ref}`} words={m.label} about={m.ref} class="mark-label" at={layout.put(m.label, beside(plot.x.place(m.x), plot.y.place(m.y)))} />
        ))}
        {item.lines.map((l, i) => {
          const seen = ways[i] ?? [];
          if (!l.label || seen.length < 2) return null;
          const line = among(ways, seen, l.thin);
          const place = l.thin ? layout.maybe(l.label, onLine(seen), line) : layout.put(l.label, alongLine(seen), line);
          return place && <Word key={i} words={l.label} about={l.ref} class={l.thin ? "small" : ""} at={place} />;
        })}
      </svg>
      {([...item.dots, ...item.marks] as (Pointed & Pick<Dot, "remove">)[]).map(
        (point, i) =>
          point.handle && (
            <div
              key={`${i} ${point.ref}`}
              class="grips"
              onKeyDown={(event) => {
                if (event.key !== "Delete" && event.key !== "Backspace") return;
                if (point.remove && !point.remove.disabled) session.act(point.remove);
              }}
            >
              <Grip
                handle={point.handle}
                about={point.ref}
                class={"shape" in point ? "bare" : ""}
                x={{ scale: plot.x, axis: item.x, at: point.x }}
                y={{ scale: plot.y, axis: item.y, at: point.y }}
              />
            </div>
          ),
      )}
    </>
  );
}

type Pointed = Pick<Dot, "x" | "y" | "ref" | "handle">;

const SHAPES = {
  circle: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
  square: "M-4.5 -4.5h9v9h-9z",
  triangle: "M0 -6l5.6 9.8h-11.2z",
  diamond: "M0 -6.2l5.2 6.2l-5.2 6.2l-5.2 -6.2z",
};

interface PointProps extends Spot {
  dot: Dot;
  words: Place | null;
  /** The region that the words stand on. */
  over: string | undefined;
}

function Point({ dot, x, y, words, over }: PointProps): VNode {
  return (
    <Lit tag="g" about={dot.ref} class={dot.wrong ? "dot-mark wrong" : "dot-mark"} transform={`translate(${x} ${y})`}>
      {dot.wrong && <circle class="ring" r="9" />}
      <path d={SHAPES[dot.shape]} />
      {words && (
        <text class={over === undefined ? "word" : `word over ${hue(over)}`} x={words.x - x} y={words.y - y} text-anchor={words.anchor}>
          {dot.label}
        </text>
      )}
    </Lit>
  );
}

/** The corners of words, but for a hair. */
function cornersOf({ x, y, anchor }: Place, words: string): Spot[] {
  const width = measure(words, FONT);
  const left = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
  return [left + 3, left + width - 3].flatMap((across) => [{ x: across, y: y - LINE * 0.6 }, { x: across, y }]);
}

/** Whether a spot lies within a polygon: a ray from it crosses the border an odd number of times. */
const within = ({ x, y }: Spot, corners: Spot[]): boolean =>
  corners.filter((a, i) => {
    const b = corners[(i + 1) % corners.length] ?? a;
    return a.y > y !== b.y > y && x < a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x);
  }).length %
    2 ===
  1;

/** A line with a head, which points along it whatever its length. */
export function Head({ arrow, from, to }: { arrow: Pick<Arrow, "ref">; from: { x: number; y: number }; to: { x: number; y: number } }): VNode | null {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.max(Math.abs(dx), Math.abs(dy)) + Math.min(Math.abs(dx), Math.abs(dy)) * 0.4;
  if (length < 1) return null;
  const size = Math.min(5, length);
  const [ux, uy] = [(dx / length) * size, (dy / length) * size];
  return (
    <Lit tag="path" about={arrow.ref} class="arrow" d={`M${from.x} ${from.y}L${to.x} ${to.y}m${-ux - uy * 0.6} ${-uy + ux * 0.6}l${ux + uy * 0.6} ${uy - ux * 0.6}l${-ux + uy * 0.6} ${-uy - ux * 0.6}`} />
  );
}
