// The frame of a two-axis figure: margins, hairline axes, tick texts (Python's), axis names.

import type { VNode } from "preact";
import { scaleOf, type Scale } from "./axis";
import { measure } from "./labels";
import type { Axis, Tick } from "./protocol";

export const FONT = '13px "STIX Two Text", "STIX Two Math", Georgia, serif';
export const LINE = 16;

export interface Plot {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  x: Scale;
  y: Scale;
}

export function plotOf(width: number, height: number, x: Axis, y: Axis): Plot {
  const left = Math.ceil(Math.max(...y.ticks.map((t) => measure(t.text, FONT)), 8)) + 10;
  const right = width - 10;
  const top = 28;
  const bottom = height - 40;
  return { width, height, left, right, top, bottom, x: scaleOf(x, left, right), y: scaleOf(y, bottom, top) };
}

export function Axes({ plot, x, y }: { plot: Plot; x: Axis; y: Axis }): VNode {
  const { left, right, top, bottom } = plot;
  return (
    <g class="axes">
      <line class="zero" x1={left} x2={right} y1={bottom} y2={bottom} />
      <line class="zero" x1={left} x2={left} y1={top} y2={bottom} />
      {thinned(x.ticks, (t) => plot.x.place(t.at), (t) => measure(t.text, FONT) + 10).map((t) => (
        <g key={t.at}>
          <line class="zero" x1={plot.x.place(t.at)} x2={plot.x.place(t.at)} y1={bottom} y2={bottom + 4} />
          <text x={inside(plot.x.place(t.at), measure(t.text, FONT), plot.width)} y={bottom + 18} text-anchor="middle">
            {t.text}
          </text>
        </g>
      ))}
      {thinned(y.ticks, (t) => plot.y.place(t.at), () => LINE).map((t) => (
        <g key={t.at}>
          <line class="grid" x1={left} x2={right} y1={plot.y.place(t.at)} y2={plot.y.place(t.at)} />
          <text x={left - 7} y={plot.y.place(t.at) + 4} text-anchor="end">
            {t.text}
          </text>
        </g>
      ))}
      <text class="axis-name" x={right} y={bottom + 35} text-anchor="end">
        {x.label}
      </text>
      <text class="axis-name" x={left - 7 < 40 ? 0 : left - 7} y={12} text-anchor={left - 7 < 40 ? "start" : "start"}>
        {y.label}
      </text>
    </g>
  );
}

/** Ticks in order, without those whose text would touch an earlier one's. */
export function thinned<T>(ticks: T[], place: (tick: T) => number, room: (tick: T) => number): T[] {
  const kept: T[] = [];
  for (const tick of ticks) {
    if (kept.every((k) => Math.abs(place(k) - place(tick)) >= (room(k) + room(tick)) / 2)) kept.push(tick);
  }
  return kept;
}

/** Every tick, or every second one, third one …, counted from zero: as many as keep apart. */
export function spaced(ticks: Tick[], place: (tick: Tick) => number, room: (tick: Tick) => number): Tick[] {
  const zero = Math.max(ticks.findIndex((t) => t.at === 0), 0);
  for (let every = 1; every < ticks.length; every++) {
    const kept = ticks.filter((_, i) => (i - zero) % every === 0);
    if (thinned(kept, place, room).length === kept.length) return kept;
  }
  return thinned(ticks, place, room);
}

/** The middle of words, moved as far as they need to stay on the figure. */
export const inside = (middle: number, words: number, width: number): number => Math.min(Math.max(middle, words / 2), width - words / 2);
