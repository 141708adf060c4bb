// Rectangles that add up, named inside where the name fits and in a key below where it does not.

import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { scaleOf } from "./axis";
import { hue, Lit, useSession, useWidth } from "./context";
import { Grip } from "./grip";
import { Layout, measure, type Place } from "./labels";
import { Axes, FONT, LINE, plotOf, type Plot } from "./plot";
import type { Areas, Axis, Rect } from "./protocol";
import { memo } from "./share";
import { Frame } from "./text";

const BAND_PX = 44;
const EDGE_PX = 3;
const UNIT: Axis = { label: "", domain: [0, 1], scale: "linear", ticks: [] };

export const AreasFigure = memo(({ item }: { item: Areas }): VNode => {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box).value;
  return (
    <Frame id={item.id} kind="areas" title={item.title} caption={item.caption} table={item.table}>
      <div class="sized" ref={box}>
        {width > 0 && <Drawing item={item} width={width} />}
      </div>
    </Frame>
  );
});

function Drawing({ item, width }: { item: Areas; width: number }): VNode {
  const y = item.y ?? UNIT;
  const stripes = useSession().id("stripes", item.id);
  // One band needs no vertical axis, and room above it only for the names of its rules.
  const above = item.rules.length > 0 ? 24 : 2;
  const height = item.y ? Math.round(Math.min(Math.max(width * 0.5, 300), 320)) : above + BAND_PX + 40;
  const framed = plotOf(width, height, item.x, y);
  const plot = item.y ? framed : { ...framed, left: 1, top: above, x: scaleOf(item.x, 1, framed.right) };
  const drawn = item.rects.map((rect) => shape(rect, plot.x.place, item.y ? plot.y.place : (v: number) => plot.bottom - v * (plot.bottom - plot.top)));
  const crossing = item.rules.filter((rule) => rule.axis === "x").map((rule) => plot.x.place(rule.at));
  const names = drawn.map((one, i) => nameAt(one, drawn.slice(i + 1), crossing));
  const layout = new Layout({ x: 0, y: 0, width, height: item.y ? plot.bottom : plot.top }, FONT, LINE);
  for (const name of names) if (name) layout.keep({ x: name.x, y: name.y - LINE * 0.8, width: name.width, height: LINE });
  for (const { x, top, w } of drawn) layout.keep({ x, y: top, width: w, height: EDGE_PX });
  for (const rule of item.rules) if (rule.axis === "y") layout.keep({ x: plot.left, y: plot.y.place(rule.at) - 1, width: plot.right - plot.left, height: 2 });
  return (
    <>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" focusable="false">
        <pattern id={stripes} width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line class="hatch" x1="0" x2="0" y1="0" y2="7" />
        </pattern>
        {drawn.map(({ rect, x, top, w, h }, i) => (
          <Lit tag="g" about={rect.ref} class={rect.striped ? "area striped" : "area"} key={`${i} ${rect.ref}`}>
            <rect class="tint" x={x} y={top} width={w} height={h} />
            {rect.striped && <rect fill={`url(#${stripes})`} x={x} y={top} width={w} height={h} />}
            <rect class="edge" x={x} y={top} width={Math.max(w - 1, 0)} height={EDGE_PX} />
          </Lit>
        ))}
        <Axes plot={plot} x={item.x} y={y} />
        {names.map((name, i) => {
          const { rect } = drawn[i] as Shape;
          return (
            name && (
              <Lit tag="g" about={rect.ref} class={rect.striped ? "area striped" : "area"} key={`${i} ${rect.ref}`}>
                <text class="word" x={name.x} y={name.y}>
                  {rect.label}
                </text>
              </Lit>
            )
          );
        })}
        {item.rules.map((rule) => {
          const across = rule.axis === "x";
          const at = across ? plot.x.place(rule.at) : plot.y.place(rule.at);
          const words = rule.number ? `${rule.label} ${rule.number.text}` : rule.label;
          const place = layout.put(words, across ? [{ x: at, y: plot.top - 9, anchor: "middle" }] : beside(plot, at));
          const under = drawn.findLast((one) => holds(one, place, words));
          return (
            <Lit tag="g" about={rule.ref} class="rule" key={rule.ref}>
              <line x1={across ? at : plot.left} x2={across ? at : plot.right} y1={across ? plot.top - 5 : at} y2={across ? plot.bottom : at} />
              <text class={under ? `word over ${hue(under.rect.ref)}` : "word"} x={place.x} y={place.y} text-anchor={place.anchor}>
                {rule.label}
                {rule.number && <tspan data-num=""> {rule.number.text}</tspan>}
              </text>
            </Lit>
          );
        })}
      </svg>
      {item.rects.map(
        (rect, i) =>
          rect.handle && (
            <Grip
              key={`${i} ${rect.ref}`}
              handle={rect.handle}
              about={rect.ref}
              class="edge-grip"
              x={{ scale: plot.x, axis: item.x, at: rect.handle.x ? rect.x1 : (rect.x0 + rect.x1) / 2, from: rect.x0 }}
              y={{ scale: plot.y, axis: y, at: rect.handle.y ? rect.y1 : (rect.y0 + rect.y1) / 2, from: rect.y0 }}
            />
          ),
      )}
      {names.includes(null) && (
        <ul class="key">
          {drawn.map(
            ({ rect }, i) =>
              !names[i] && (
                <Lit tag="li" about={rect.ref} key={`${i} ${rect.ref}`}>
                  <i class={rect.striped ? "swatch striped" : "swatch"} aria-hidden="true" />
                  {rect.label.trim()}
                </Lit>
              ),
          )}
        </ul>
      )}
    </>
  );
}

interface Shape {
  rect: Rect;
  x: number;
  top: number;
  w: number;
  h: number;
}

function shape(rect: Rect, x: (v: number) => number, y: (v: number) => number): Shape {
  const left = x(rect.x0);
  const top = y(Math.max(rect.y0, rect.y1));
  return { rect, x: left, top, w: x(rect.x1) - left, h: y(Math.min(rect.y0, rect.y1)) - top };
}

/** Whether words stand within a rectangle, halo and all. */
function holds({ x, top, w, h }: Shape, place: Place, words: string): boolean {
  const width = measure(words, FONT);
  const left = place.anchor === "start" ? place.x : place.anchor === "end" ? place.x - width : place.x - width / 2;
  return left > x && left + width < x + w && place.y - LINE * 0.8 > top && place.y < top + h;
}

const PAD = 6;
const GRIP_PX = 8;

/** Where a rectangle's name stands: on what later rectangles leave of it, and clear of rules; null where it has no room. */
function nameAt({ rect, x, top, w, h }: Shape, later: Shape[], crossing: number[]): { x: number; y: number; width: number } | null {
  const middle = top + (h + EDGE_PX) / 2;
  const covers = later.filter((one) => one.x > x && one.top < middle && middle < one.top + one.h).map((one) => one.x);
  const end = Math.min(x + w - (rect.handle?.x ? GRIP_PX : 0), ...covers);
  const width = measure(rect.label, FONT);
  const edges = [x, ...crossing.filter((at) => at > x && at < end).sort((a, b) => a - b), end];
  const fits = (from: number, to: number): boolean => to - from >= width + PAD + 4;
  if (h < LINE + EDGE_PX || !fits(x, end)) return null;
  const start = edges.find((edge, i) => fits(edge, edges[i + 1] ?? edge)) ?? x;
  return { x: start + PAD, y: middle + 4.5, width };
}

/** Places for the words of a level: above or below it, at either end. */
function beside({ left, right }: Plot, at: number): Place[] {
  const ends: Pick<Place, "x" | "anchor">[] = [{ x: right - 4, anchor: "end" }, { x: left + 8, anchor: "start" }];
  return ends.flatMap((end) => [{ ...end, y: at - 5 }, { ...end, y: at + 14 }]);
}
