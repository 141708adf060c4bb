// Where words go on a figure: each label takes the first of its places that lies inside and covers no earlier one.

import { signal } from "@preact/signals";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Place {
  x: number;
  y: number;
  anchor: "start" | "middle" | "end";
  /** On the line that it names, or far from its point: only where nothing nearer does. */
  is?: "on" | "far";
}

let context: CanvasRenderingContext2D | null | undefined;
const widths = new Map<string, number>();
/** Counts the fonts' arrivals: whoever measured before one is drawn again after it. */
const fonts = signal(0);
document.fonts?.addEventListener("loadingdone", () => fonts.value++);

/** The width of words as set on a figure, in pixels. */
export function measure(text: string, font: string): number {
  const words = text.replace(/[1-9]/g, "0"); // figures are all of one width, so live numbers need measuring once
  const key = `${fonts.value} ${font} ${words}`;
  let width = widths.get(key);
  if (width === undefined) {
    context ??= document.createElement("canvas").getContext("2d");
    if (context) context.font = font;
    width = context ? context.measureText(words).width : words.length * 7;
    if (widths.size > 2000) widths.clear();
    widths.set(key, width);
  }
  return width;
}

/** Words nearer than this to a line seem to be its own. */
const CROWD_PX = 8;
/** What words had better not do, in pixels that they cover of a line: stand on points or other words, be near other lines. */
const COSTS = { points: 4, words: 12, crowd: 0.25, alike: 0.5, far: 60, on: 30 };
/** Words as near as this to other lines would be taken for theirs. */
const MISTAKEN = 50;

/** A line that is named: where it goes, and where the others go. */
export interface Named {
  own: Box[];
  others: Box[];
  /** Whether they look alike, so that their names' places alone tell them apart. */
  alike: boolean;
}

interface Found {
  place: Place;
  box: Box;
  /** What it costs to be near other lines. */
  crowded: number;
}

export class Layout {
  private readonly taken: Box[] = [];
  private readonly points: Box[] = [];
  private readonly words: Box[] = [];

  constructor(
    private readonly bounds: Box,
    private readonly font: string,
    private readonly line: number,
  ) {}

  /** Keep an area free of words, e.g. along a line. */
  keep(box: Box): void {
    this.taken.push(box);
  }

  /** Keep the area around a point free, before any line. */
  spot(x: number, y: number, radius = 6): void {
    this.points.push({ x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius });
  }

  /** Words that stand where they stand. */
  reserve(words: string, place: Place): void {
    this.words.push(this.box(place, measure(words, this.font)));
  }

  /** Put words at the first place that fits; at the one that costs least when none does. */
  put(words: string, places: Place[], line?: Named): Place {
    const { place, box } = this.best(words, places, line);
    this.words.push(box);
    return place;
  }

  /** The same for words that may be spared: they are left out where they would stand on others, or seem another line's. */
  maybe(words: string, places: Place[], line?: Named): Place | null {
    const { place, box, crowded } = this.best(words, places, line);
    if (covered(box, this.words) > 0 || crowded > MISTAKEN) return null;
    this.words.push(box);
    return place;
  }

  private best(words: string, places: Place[], line: Named = { own: [], others: [], alike: false }): Found {
    const width = measure(words, this.font);
    let best: (Found & { cost: number }) | undefined;
    for (const wanted of places) {
      const place = this.inside(wanted, width);
      const box = this.box(place, width);
      const on = wanted.is === "on" ? covered(box, line.own) : 0;
      const crowded = wanted.is === "on" ? 0 : COSTS[line.alike ? "alike" : "crowd"] * covered(grown(box), line.others);
      const cost =
        covered(box, this.taken) - on +
        COSTS.points * covered(box, this.points) +
        COSTS.words * covered(box, this.words) +
        crowded +
        Math.abs(place.x - wanted.x) +
        (wanted.is ? COSTS[wanted.is] : 0);
      if (!best || cost < best.cost) best = { place, box, crowded, cost };
      if (cost === 0) break;
    }
    if (!best) throw new Error("A label needs at least one place.");
    return best;
  }

  private box({ x, y, anchor }: Place, width: number): Box {
    const left = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
    return { x: left - 2, y: y - this.line * 0.8, width: width + 4, height: this.line };
  }

  private inside(place: Place, width: number): Place {
    const { x, y, width: w, height } = this.bounds;
    const box = this.box(place, width);
    const dx = Math.max(x - box.x, 0) - Math.max(box.x + box.width - (x + w), 0);
    const top = Math.max(place.y, y + this.line * 0.8);
    return { ...place, x: place.x + dx, y: Math.min(top, y + height - this.line * 0.2) };
  }
}

const grown = ({ x, y, width, height }: Box): Box => ({ x: x - CROWD_PX, y: y - CROWD_PX, width: width + 2 * CROWD_PX, height: height + 2 * CROWD_PX });

const covered = (box: Box, others: Box[]): number => others.reduce((sum, other) => sum + overlap(box, other), 0);

function overlap(a: Box, b: Box): number {
  const w = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return w > 0 && h > 0 ? w * h : 0;
}

export interface Spot {
  x: number;
  y: number;
}

const STEP_PX = 4;

/** A line's way over the figure in small and even steps, as far as it lies within a box. */
export function traced(points: (Spot | null)[], box: Box): Spot[] {
  const out: Spot[] = [];
  points.forEach((to, i) => {
    const from = points[i - 1];
    const part = from && to ? within(from, to, box) : null;
    if (!from || !to || !part) return;
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const [start, end] = part;
    const steps = Math.max(Math.ceil(((end - start) * Math.max(Math.abs(dx), Math.abs(dy))) / STEP_PX), 1);
    for (let k = 0; k <= steps; k++) {
      const t = start + ((end - start) * k) / steps;
      const spot = { x: from.x + dx * t, y: from.y + dy * t };
      const last = out.at(-1);
      if (!last || Math.abs(spot.x - last.x) + Math.abs(spot.y - last.y) >= STEP_PX / 2) out.push(spot);
    }
  });
  return out;
}

/** The part of the way from one spot to another that lies within a box, in shares of the way. */
function within(from: Spot, to: Spot, { x, y, width, height }: Box): [number, number] | null {
  let [start, end] = [0, 1];
  const sides: [number, number, number, number][] = [
    [from.x, to.x - from.x, x, x + width],
    [from.y, to.y - from.y, y, y + height],
  ];
  for (const [at, by, low, high] of sides) {
    if (by === 0 && (at < low || at > high)) return null;
    if (by === 0) continue;
    const [a, b] = [(low - at) / by, (high - at) / by];
    start = Math.max(start, Math.min(a, b));
    end = Math.min(end, Math.max(a, b));
  }
  return start <= end ? [start, end] : null;
}

/** What words had better not stand on: a line's way. They may where there is no other place. */
export const along = (seen: Spot[]): Box[] => seen.map(({ x, y }) => ({ x: x - 2, y: y - 2, width: 4, height: 4 }));

/** One line of several that are named; words at a line that lies on it are near both. */
export const among = (ways: Spot[][], own: Spot[], alike = false): Named => ({
  own: along(own),
  others: ways.filter((way) => way !== own && !onto(way, own)).flatMap(along),
  alike,
});

const SAME_PX = 3;

/** Whether a line lies on another, all the way. */
const onto = (way: Spot[], other: Spot[]): boolean =>
  way.every(({ x, y }) => other.some((spot) => Math.abs(spot.x - x) + Math.abs(spot.y - y) <= SAME_PX));

const PARTS = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0];

/** Places for a line's name: beside it or on it, from its visible end back to its beginning. */
export function alongLine(seen: Spot[]): Place[] {
  return PARTS.flatMap((part): Place[] => {
    const p = seen[Math.round(part * (seen.length - 1))];
    if (!p) return [];
    const air = part === 1 ? 4 : 6;
    const before: Place[] = [
      { x: p.x - air, y: p.y - 8, anchor: "end" },
      { x: p.x - air, y: p.y + 18, anchor: "end" },
    ];
    if (part === 1) return before;
    const beside: Place[] = [{ x: p.x + air, y: p.y - 8, anchor: "start" }, { x: p.x + air, y: p.y + 18, anchor: "start" }, ...before];
    return part === 0 ? beside.map((place) => ({ ...place, is: "far" })) : [...beside, on(p), ...off(p, air)];
  });
}

/** Places on a line, as on the contours of a map. */
export const onLine = (seen: Spot[]): Place[] =>
  PARTS.slice(1, -1).flatMap((part) => {
    const p = seen[Math.round(part * (seen.length - 1))];
    return p ? [on(p)] : [];
  });

/** A line or two below: a line that is shorter than its name leaves no room beside it. */
const off = ({ x, y }: Spot, air: number): Place[] =>
  [34, 50].flatMap((below): Place[] => [
    { x: x - air, y: y + below, anchor: "end", is: "far" },
    { x: x + air, y: y + below, anchor: "start", is: "far" },
  ]);

const on = ({ x, y }: Spot): Place => ({ x, y: y + 4, anchor: "middle", is: "on" });

/** Places for a point's words. */
export function beside(x: number, y: number): Place[] {
  return [
    { x: x + 10, y: y - 6, anchor: "start" },
    { x: x - 10, y: y - 6, anchor: "end" },
    { x: x + 10, y: y + 14, anchor: "start" },
    { x: x - 10, y: y + 14, anchor: "end" },
    { x, y: y - 12, anchor: "middle" },
    { x, y: y + 22, anchor: "middle" },
    { x: x + 6, y: y - 23, anchor: "start", is: "far" },
    { x: x - 6, y: y - 23, anchor: "end", is: "far" },
  ];
}
