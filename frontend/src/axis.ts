// From numbers to places and back: the only file that may use logarithms, and the only one that makes numbers.
// It makes two kinds: a position on the screen, and the value a pointer or key asks Python for.

import type { Axis, Drag, Triple } from "./protocol";

export interface Scale {
  /** Number → place; numbers off the axis land on its ends. */
  place(value: number): number;
  /** The same without holding to the ends; for lines that a clip path cuts. */
  free(value: number): number;
  /** Place → number, held to the domain. */
  value(place: number): number;
}

/** Map an axis's domain onto the places from … to; `from` may be the larger, as it is for a vertical axis. */
export function scaleOf(axis: Pick<Axis, "domain" | "scale">, from: number, to: number): Scale {
  const log = axis.scale === "log";
  const [low, high] = axis.domain;
  const start = log ? Math.log(low) : low;
  const length = (log ? Math.log(high) : high) - start || 1;
  const hold = (v: number): number => Math.min(Math.max(v, low), high);
  // On a log axis 0 has no place: it is far off the low end.
  const free = (v: number): number => from + (((log ? (v > 0 ? Math.log(v) : start - 10 * length) : v) - start) / length) * (to - from);
  return {
    free,
    place: (v) => free(hold(v)),
    value: (p) => {
      const at = start + ((p - from) / (to - from)) * length;
      return hold(log ? Math.exp(at) : at);
    },
  };
}

/** Drop the binary dust of a decimal sum: 0.1 + 0.2 is asked for as 0.3. */
const tidy = (v: number): number => Number(v.toPrecision(12));

/** A place that is clicked, in the digits a pointer can tell apart. */
export const rounded = (v: number): number => Number(v.toPrecision(4));

const within = (v: number, { min, max }: Drag): number => Math.min(Math.max(v, min), max);

/** The value under a pointer, as it is asked for: whole steps on a linear axis, three digits on a log one. */
export function snapped(value: number, drag: Drag, scale: Axis["scale"]): number {
  if (scale === "log") return within(Number(value.toPrecision(3)), drag);
  // Steps are counted from 0, so that round numbers can be reached whatever the range.
  return within(tidy(Math.round(value / drag.step) * drag.step), drag);
}

/** The value an arrow or page key asks for, from where the slider is. */
export function stepped(value: number, drag: Drag, scale: Axis["scale"], by: "step" | "page", sign: 1 | -1): number {
  const size = drag[by];
  if (scale === "log") return within(Number((sign > 0 ? value * size : value / size).toPrecision(3)), drag);
  return within(tidy(value + sign * size), drag);
}

/** Shares of three classes → places: the corners are left, right and top of a triangle of this side. */
export function onSimplex([, right, top]: Triple, left: number, bottom: number, side: number): { x: number; y: number } {
  return { x: left + (right + top / 2) * side, y: bottom - top * side * TALL };
}

/** Place → shares in whole steps, held within the triangle. */
export function sharesAt(x: number, y: number, left: number, bottom: number, side: number, step: number): Triple {
  const top = (bottom - y) / (side * TALL);
  const right = (x - left) / side - top / 2;
  return shares(1 - right - top, right, top, step);
}

/** The shares an arrow key asks for: sideways between left and right, upwards to the top from both. */
export function nudged([a, b, c]: Triple, key: string, by: number): Triple | null {
  const grid = by / 10;
  if (key === "ArrowRight") return shares(a - Math.min(by, a), b + Math.min(by, a), c, grid);
  if (key === "ArrowLeft") return shares(a + Math.min(by, b), b - Math.min(by, b), c, grid);
  if (key === "ArrowUp" || key === "ArrowDown") {
    const top = Math.min(Math.max(c + (key === "ArrowUp" ? by : -by), 0), 1);
    const kept = a + b > 0 ? (1 - top) / (a + b) : 0;
    return a + b > 0 ? shares(a * kept, b * kept, top, grid) : shares((1 - top) / 2, (1 - top) / 2, top, grid);
  }
  return null;
}

const TALL = 0.8660254037844386; // the height of a triangle of side 1

function shares(a: number, b: number, c: number, step: number): Triple {
  const [left, right, top] = [Math.max(a, 0), Math.max(b, 0), Math.max(c, 0)];
  const total = left + right + top;
  const whole = (v: number): number => tidy(Math.round(v / total / step) * step);
  const [r, t] = [whole(right), whole(top)];
  return [tidy(Math.max(Math.round((1 - r - t) / step) * step, 0)), r, t];
}

/** A number as ARIA takes it: without an exponent. */
export function plainly(v: number): string {
  const [digits = "", power] = String(v).split("e");
  if (power === undefined) return digits;
  const sign = digits.startsWith("-") ? "-" : "";
  const [whole = "", rest = ""] = digits.replace("-", "").split(".");
  const places = Number(power);
  if (places < 0) return `${sign}0.${"0".repeat(-places - 1)}${whole}${rest}`;
  return `${sign}${whole}${rest}${"0".repeat(Math.max(places - rest.length, 0))}`;
}
