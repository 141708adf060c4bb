// Numbers as colours in rows and columns: with their words where there are few, as bands of colour where there are many.

import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { scaleOf } from "./axis";
import { Lit, useSession, useWidth } from "./context";
import { Grip } from "./grip";
import { measure } from "./labels";
import { FONT, LINE } from "./plot";
import type { Axis, Heatmap } from "./protocol";
import { memo } from "./share";
import { Frame } from "./text";

export const HeatmapFigure = memo(({ item }: { item: Heatmap }): VNode => {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box).value;
  return (
    <Frame id={item.id} kind="heatmap" title={item.title} caption={item.caption} table={item.table}>
      <div class="sized" ref={box}>
        {width > 0 && <Drawing item={item} width={width} />}
      </div>
      <p class="scale" aria-hidden="true">
        <span>{item.ends[0]}</span>
        <Ramp diverging={item.scale === "diverging"} />
        <span>{item.ends[1]}</span>
      </p>
    </Frame>
  );
});

const STEPS = 16;
const RAMP_PX = 128;

function Ramp({ diverging }: { diverging: boolean }): VNode {
  const shades = Array.from({ length: STEPS }, (_, i) => (diverging ? (2 * i + 1) / STEPS - 1 : (i + 0.5) / STEPS));
  return (
    <svg width={RAMP_PX} height="10" viewBox={`0 0 ${RAMP_PX} 10`} preserveAspectRatio="none">
      {shades.map((shade, i) => (
        <rect key={i} {...shaded(shade)} x={(i * RAMP_PX) / STEPS} y="0" width={RAMP_PX / STEPS} height="10" />
      ))}
    </svg>
  );
}

const LEVELS = 32;
const ROOMY_PX = 420;

function Drawing({ item, width }: { item: Heatmap; width: number }): VNode {
  const hatch = useSession().id("hatch", item.id);
  const [m, n] = [item.rows.length, item.columns.length];
  const left = Math.ceil(Math.max(...item.rows.map((r) => measure(r, FONT)), 0)) + 8;
  const top = 20;
  const room = width - left - 2;
  const cellWidth = item.texts ? Math.min(room / n, 110) : Math.min(room / n, 60);
  const cellHeight = item.texts ? 34 : Math.min(Math.max(ROOMY_PX / m, 3), Math.max(cellWidth, 18));
  const widest = Math.max(...item.columns.map((c) => measure(c, FONT))) + 8;
  const right = left + cellWidth * n;
  const bottom = top + cellHeight * m;
  const column = (j: number): number => left + cellWidth * (j + 0.5);
  const row = (i: number): number => top + cellHeight * (i + 0.5);
  const axes: Record<"x" | "y", Pick<Axis, "domain" | "scale">> = {
    x: { domain: [0, Math.max(n - 1, 1)], scale: "linear" },
    y: { domain: [0, Math.max(m - 1, 1)], scale: "linear" },
  };
  const [pi, pj] = item.picked ?? [0, 0];
  return (
    <>
      <svg width={width} height={bottom + 40} viewBox={`0 0 ${width} ${bottom + 40}`} aria-hidden="true" focusable="false">
        <pattern id={hatch} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line class="hatch" x1="0" x2="0" y1="0" y2="6" />
        </pattern>
        {item.texts ? <Words item={item} x={left} y={top} w={cellWidth} h={cellHeight} hatch={hatch} /> : <Bands item={item} x={left} y={top} w={cellWidth} h={cellHeight} hatch={hatch} />}
        <g class="axes">
          {item.columns.map(
            (text, j) =>
              j % Math.ceil(widest / cellWidth) === 0 && (
                <text key={j} x={column(j)} y={bottom + 16} text-anchor="middle">
                  {text}
                </text>
              ),
          )}
          {item.rows.map(
            (text, i) =>
              i % Math.ceil(LINE / cellHeight) === 0 && (
                <text key={i} x={left - 6} y={row(i) + 4} text-anchor="end">
                  {text}
                </text>
              ),
          )}
          <text class="axis-name" x={right} y={bottom + 33} text-anchor="end">
            {item.column_axis}
          </text>
          <text class="axis-name" x={0} y={12}>
            {item.row_axis}
          </text>
        </g>
        {item.picked && <rect class="picked" x={left + pj * cellWidth} y={top + pi * cellHeight} width={cellWidth} height={cellHeight} />}
      </svg>
      {item.pick && (
        <Grip
          handle={item.pick}
          class="cell"
          x={{ scale: scaleOf(axes.x, column(0), column(Math.max(n - 1, 1))), axis: axes.x, at: pj }}
          y={{ scale: scaleOf(axes.y, row(0), row(Math.max(m - 1, 1))), axis: axes.y, at: pi }}
        />
      )}
    </>
  );
}

interface Cells {
  item: Heatmap;
  x: number;
  y: number;
  w: number;
  h: number;
  hatch: string;
}

/** The colour of a cell, as a class for its side and a share of its ink. */
function shaded(shade: number): { class: string; style: Record<string, string> } {
  return { class: shade < 0 ? "cool" : "warm", style: { "--s": `${Math.round(Math.abs(shade) * 100)}%` } };
}

const AIR_PX = 10;
const SMALL_FONT = FONT.replace("13px", "12px");

function Words({ item, x, y, w, h, hatch }: Cells): VNode {
  const tight = item.cells.some((cells) => cells.some((cell) => measure(cell.text, FONT) + AIR_PX > w));
  const font = tight ? SMALL_FONT : FONT;
  return (
    <>
      {item.cells.map((cells, i) =>
        cells.map((cell, j) => {
          const look = cell.shade === null ? { fill: `url(#${hatch})` } : shaded(cell.shade);
          return (
            <Lit tag="g" about={cell.ref} class="cell" key={`${i} ${j}`}>
              <rect {...look} x={x + j * w} y={y + i * h} width={w} height={h} />
              {measure(cell.text, font) + 2 <= w && (
                <text class={["inside", tight && "small", cell.shade === null && "hatched"].filter(Boolean).join(" ")} x={x + (j + 0.5) * w} y={y + (i + 0.5) * h + 4.5} text-anchor="middle" data-num="">
                  {cell.text}
                </text>
              )}
            </Lit>
          );
        }),
      )}
    </>
  );
}

/** Cells of one shade are one path: thousands of cells are a few dozen elements. */
function Bands({ item, x, y, w, h, hatch }: Cells): VNode {
  const paths = new Map<number | null, string>();
  item.cells.forEach((cells, i) =>
    cells.forEach(({ shade }, j) => {
      const level = shade === null ? null : Math.round(shade * LEVELS) / LEVELS;
      paths.set(level, `${paths.get(level) ?? ""}M${x + j * w} ${y + i * h}h${w}v${h}h${-w}z`);
    }),
  );
  return (
    <>
      {[...paths].map(([level, d]) => (
        <path key={String(level)} d={d} {...(level === null ? { fill: `url(#${hatch})` } : shaded(level))} />
      ))}
    </>
  );
}
