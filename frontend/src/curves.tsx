// Lines, points on them and reference rules, every one labelled where it is.

import { line as d3line } from "d3-shape";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { Lit, useSession, useWidth } from "./context";
import { Grip } from "./grip";
import { along, alongLine, among, beside, Layout, traced, type Box, type Named, type Place, type Spot } from "./labels";
import { Axes, FONT, LINE, plotOf, type Plot } from "./plot";
import type { Curves, Line, Mark, Rule } from "./protocol";
import { memo } from "./share";
import { Frame } from "./text";

export const CurvesFigure = memo(({ item }: { item: Curves }): VNode => {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box).value;
  return (
    <Frame id={item.id} kind="curves" title={item.title} caption={item.caption} table={item.table}>
      <div class="sized" ref={box}>
        {width > 0 && <Drawing item={item} width={width} />}
      </div>
    </Frame>
  );
});

/** A line that leaves through the top is seen to leave. */
const OVER_PX = 6;

function Drawing({ item, width }: { item: Curves; width: number }): VNode {
  const height = Math.round(Math.min(Math.max(width * 0.6, 250), 320));
  const plot = plotOf(width, height, item.x, item.y);
  const { left, right, top, bottom } = plot;
  const frame = JSON.stringify([width, height, left, item.x.domain, item.x.scale, item.y.domain, item.y.scale]);
  const layout = new Layout({ x: left + 4, y: top - 12, width: right - left - 4, height: bottom - top + 8 }, FONT, LINE);
  const points = item.marks.map((m) => ({ m, x: plot.x.place(m.x), y: plot.y.place(m.y) }));
  for (const { m, x, y } of points) layout.spot(x, y, m.handle ? 7 : 6);
  const ways = item.lines.map((l) => visible(l, plot, frame, OVER_PX));
  for (const box of [...ways.flatMap(along), ...item.rules.map((r) => ruleBox(r, plot))]) layout.keep(box);
  const clip = useSession().id("clip", item.id);
  return (
    <>
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" focusable="false">
      <clipPath id={clip}>
        <rect x={left} y={top - OVER_PX} width={right - left + 6} height={bottom - top + OVER_PX + 1} />
      </clipPath>
      <Axes plot={plot} x={item.x} y={item.y} />
      {item.rules.map((r, i) => (
        <Lit tag="g" about={r.ref} class="rule" key={`${i} ${r.ref}`}>
          <RuleLine rule={r} plot={plot} />
        </Lit>
      ))}
      <g clip-path={`url(#${clip})`}>
        {item.lines.map((l, i) => (
          <Lit tag="path" about={l.ref} class={["line", l.dashed && "dashed", l.thin && "thin"].filter(Boolean).join(" ")} key={i} d={pathOf(l, plot, frame)} />
        ))}
      </g>
      {points.map(({ m, x, y }, i) => (
        <Lit tag="circle" about={m.ref} class="mark" key={`${i} ${m.ref}`} cx={x} cy={y} r="5" />
      ))}
      {points.map(
        ({ m, x, y }, i) =>
          points.findIndex((other) => alike(other, { m, x, y })) === i && (
            <Word key={`${i} ${m.ref}`} words={m.label} about={m.ref} class="mark-label" at={layout.put(m.label, turned(beside(x, y), points, { x, y }), apart(points, { x, y }))} />
          ),
      )}
      {item.rules.map((r, i) => {
        const words = r.number ? `${r.label} ${r.number.text}` : r.label;
        return <Word key={`${i} ${r.ref}`} words={r.label} number={r.number} about={r.ref} at={layout.put(words, alongRule(r, plot))} />;
      })}
      {item.lines.map((l, i) => {
        const seen = ways[i] ?? [];
        if (!l.label || seen.length < 2) return null;
        const line = among(ways, seen, l.thin);
        const place = l.thin ? layout.maybe(l.label, alongLine(seen), line) : layout.put(l.label, alongLine(seen), line);
        return place && <Word key={i} words={l.label} about={l.ref} at={place} />;
      })}
    </svg>
    {item.marks.map(
      (m, i) =>
        m.handle && (
          <Grip key={`${i} ${m.ref}`} handle={m.handle} about={m.ref} x={{ scale: plot.x, axis: item.x, at: m.x }} y={{ scale: plot.y, axis: item.y, at: m.y }} />
        ),
    )}
    </>
  );
}

/** Points that are one to the eye, and say the same, are named once. */
const alike = (a: Point, b: Point): boolean => a.m.label === b.m.label && Math.abs(a.x - b.x) < 1 && Math.abs(a.y - b.y) < 1;

const NEAR_PX = 40;

/** A point's places: below it first where another is close above, so that the words are nearer to their own. */
function turned(places: Place[], points: Point[], { x, y }: Spot): Place[] {
  const near = points.filter((p) => Math.abs(p.x - x) < NEAR_PX && Math.abs(p.y - y) < NEAR_PX && Math.abs(p.y - y) >= 1);
  if (!near.length || near.some((p) => p.y > y)) return places;
  return [...places.filter((place) => place.y > y), ...places.filter((place) => place.y <= y)];
}

/** Words that are near other points would be taken for theirs. */
const apart = (points: Point[], { x, y }: Spot): Named => ({
  own: [],
  others: points.filter((p) => Math.abs(p.x - x) >= 1 || Math.abs(p.y - y) >= 1).map((p) => ({ x: p.x - 12, y: p.y - 12, width: 24, height: 24 })),
  alike: true,
});

interface Point extends Spot {
  m: Mark;
}

/** A line's path, kept as long as neither the line nor the frame changes: mostly only a point on it moves. */
export function pathOf(line: Line, plot: Plot, frame: string): string {
  const { points } = line;
  const kept = paths.get(points);
  if (kept?.frame === frame) return kept.d;
  const d =
    d3line<[number, number] | null>()
      .defined((p) => p !== null)
      .x((p) => plot.x.free(p?.[0] ?? 0))
      .y((p) => plot.y.free(p?.[1] ?? 0))(points) ?? "";
  paths.set(points, { frame, d });
  return d;
}

const paths = new WeakMap<Line["points"], { frame: string; d: string }>();

interface WordProps {
  words: string;
  number?: Rule["number"];
  about: Mark["ref"] | undefined;
  at: Place;
  class?: string;
}

export function Word({ words, number, about, at, class: own = "" }: WordProps): VNode {
  return (
    <Lit tag="text" about={about} class={`word ${own}`} x={at.x} y={at.y} text-anchor={at.anchor}>
      {words}
      {number && <tspan data-num=""> {number.text}</tspan>}
    </Lit>
  );
}

function RuleLine({ rule, plot }: { rule: Rule; plot: Plot }): VNode {
  const { left, right, top, bottom } = plot;
  if (rule.axis === "x") return <line x1={plot.x.place(rule.at)} x2={plot.x.place(rule.at)} y1={top} y2={bottom} />;
  return <line x1={left} x2={right} y1={plot.y.place(rule.at)} y2={plot.y.place(rule.at)} />;
}

function ruleBox(rule: Rule, plot: Plot): Box {
  const { left, right, top, bottom } = plot;
  if (rule.axis === "x") return { x: plot.x.place(rule.at) - 1, y: top, width: 2, height: bottom - top };
  return { x: left, y: plot.y.place(rule.at) - 1, width: right - left, height: 2 };
}

function alongRule(rule: Rule, plot: Plot): Place[] {
  const { left, right, top, bottom } = plot;
  if (rule.axis === "x") {
    const x = plot.x.place(rule.at);
    return [top, (top + bottom) / 2, bottom - 8].flatMap((y) => [
      { x: x + 5, y: y + 8, anchor: "start" as const },
      { x: x - 5, y: y + 8, anchor: "end" as const },
    ]);
  }
  const y = plot.y.place(rule.at);
  return [
    { x: right - 4, y: y - 5, anchor: "end" },
    { x: right - 4, y: y + 14, anchor: "end" },
    { x: left + 8, y: y - 5, anchor: "start" },
    { x: left + 8, y: y + 14, anchor: "start" },
    { x: (left + right) / 2, y: y - 5, anchor: "middle" },
  ];
}

/** The way of a line within the axes, and as far as it is drawn above them; kept, as its path is. */
export function visible(line: Line, plot: Plot, frame: string, over = 0): Spot[] {
  const kept = ways.get(line.points);
  if (kept?.frame === frame) return kept.way;
  const { left, right, top, bottom } = plot;
  const spots = line.points.map((p) => p && { x: plot.x.free(p[0]), y: plot.y.free(p[1]) });
  const way = traced(spots, { x: left, y: top - over, width: right - left, height: bottom - top + over });
  ways.set(line.points, { frame, way });
  return way;
}

const ways = new WeakMap<Line["points"], { frame: string; way: Spot[] }>();
