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

export class Layout {
  private readonly taken: Box[] = [];

  constructor(
    private readonly bounds: Box,
    private readonly font: string,
    private readonly line: number,
  ) {}

  /** Keep an area free of words, e.g. around a point. */
  keep(box: Box): void {
    this.taken.push(box);
  }

  /** Put words at the first place that fits; at the one that overlaps least when none does. */
  put(words: string, places: Place[]): Place {
    const width = measure(words, this.font);
    let best: { place: Place; box: Box; cost: number } | undefined;
    for (const wanted of places) {
      const place = this.inside(wanted, width);
      const box = this.box(place, width);
      const cost = this.taken.reduce((sum, other) => sum + overlap(box, other), 0) + Math.abs(place.x - wanted.x);
      if (!best || cost < best.cost) best = { place, box, cost };
      if (cost === 0) break;
    }
    if (!best) throw new Error("A label needs at least one place.");
    this.taken.push(best.box);
    return best.place;
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

function overlap(a: Box, b: Box): number {
  const w = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return w > 0 && h > 0 ? w * h : 0;
}
