// Three classes' distributions as the points of a triangle.

import { line as d3line } from "d3-shape";
import { useSignal, useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { nudged, onSimplex, sharesAt } from "./axis";
import { hue, Lit, useSession, useWidth, useWire } from "./context";
import { placeOf } from "./grip";
import { Word } from "./curves";
import { along, alongLine, among, beside, Layout, onLine, traced, type Place, type Spot } from "./labels";
import { FONT, LINE } from "./plot";
import type { Hold, Simplex, TernaryMark, Triple } from "./protocol";
import { Head } from "./scatter";
import { memo } from "./share";
import { HELD_KEY_MS } from "./slide";
import { Frame } from "./text";

export const SimplexFigure = memo(({ item }: { item: Simplex }): VNode => {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box).value;
  return (
    <Frame id={item.id} kind="simplex curves" title={item.title} caption={item.caption} table={item.table}>
      <div class="sized" ref={box}>
        {width > 0 && <Drawing item={item} width={width} />}
      </div>
    </Frame>
  );
});

const MOST_PX = 480;
const MARGIN = 28;
const TENTHS = [0.25, 0.5, 0.75];

interface Field {
  left: number;
  bottom: number;
  side: number;
}

function Drawing({ item, width }: { item: Simplex; width: number }): VNode {
  const side = Math.min(width, MOST_PX) - 2 * MARGIN;
  const field: Field = { left: MARGIN, bottom: 26 + side * 0.87, side };
  const at = (shares: Triple): { x: number; y: number } => onSimplex(shares, field.left, field.bottom, side);
  const corners: [Triple, Triple, Triple] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  const [a, b, c] = corners.map(at) as [Spot, Spot, Spot];
  const height = field.bottom + 30;
  const layout = new Layout({ x: 0, y: 8, width: side + 2 * MARGIN, height: field.bottom }, FONT, LINE);
  for (const m of item.marks) layout.spot(at(m.at).x, at(m.at).y);
  const named: Place[] = [
    { x: a.x, y: a.y + 18, anchor: "start" },
    { x: b.x, y: b.y + 18, anchor: "end" },
    { x: c.x, y: c.y - 8, anchor: "middle" },
  ];
  item.corners.forEach((corner, i) => layout.reserve(corner.label, named[i] as Place));
  const inside = { x: 0, y: 0, width: side + 2 * MARGIN, height };
  const ways = item.lines.map((l) => traced(l.points.map((p) => p && at(p)), inside));
  const shafts = item.arrows.map((arrow) => traced([at(arrow.start), at(arrow.end)], inside));
  for (const box of [...ways, ...shafts, traced([a, b, c, a], inside)].flatMap(along)) layout.keep(box);
  const draw = d3line<Triple | null>()
    .defined((p) => p !== null)
    .x((p) => at(p ?? [1, 0, 0]).x)
    .y((p) => at(p ?? [1, 0, 0]).y);
  return (
    <>
      <svg width={side + 2 * MARGIN} height={height} viewBox={`0 0 ${side + 2 * MARGIN} ${height}`} aria-hidden="true" focusable="false">
        <g class="grid">
          {TENTHS.flatMap((t) => [
            <Between key={`a${t}`} from={at([t, 1 - t, 0])} to={at([t, 0, 1 - t])} />,
            <Between key={`b${t}`} from={at([1 - t, t, 0])} to={at([0, t, 1 - t])} />,
            <Between key={`c${t}`} from={at([1 - t, 0, t])} to={at([0, 1 - t, t])} />,
          ])}
        </g>
        <path class="outline" d={`M${a.x} ${a.y}L${b.x} ${b.y}L${c.x} ${c.y}z`} />
        {item.lines.map((l, i) => (
          <Lit tag="path" about={l.ref} class={["line", l.dashed && "dashed", l.thin && "thin"].filter(Boolean).join(" ")} key={i} d={draw(l.points) ?? ""} />
        ))}
        {item.arrows.map((arrow, i) => (
          <Head key={i} arrow={arrow} from={at(arrow.start)} to={at(arrow.end)} />
        ))}
        {item.corners.map((corner, i) => (
          <Word key={corner.ref} words={corner.label} about={corner.ref} at={named[i] as Place} />
        ))}
        {item.marks.map((m, i) => (
          <Lit tag="circle" about={m.ref} class="mark" key={`${i} ${m.ref}`} cx={at(m.at).x} cy={at(m.at).y} r="5" />
        ))}
        {item.marks.map((m, i) => (
          <Word key={`${i} ${m.ref}`} words={m.label} about={m.ref} class="mark-label" at={layout.put(m.label, beside(at(m.at).x, at(m.at).y))} />
        ))}
        {item.lines.map((l, i) => {
          const seen = ways[i] ?? [];
          if (!l.label || seen.length < 2) return null;
          const line = among(ways, seen, l.thin);
          const place = l.thin ? layout.maybe(l.label, onLine(seen), line) : layout.put(l.label, alongLine(seen), line);
          return place && <Word key={i} words={l.label} about={l.ref} class={l.thin ? "small" : ""} at={place} />;
        })}
      </svg>
      {item.marks.map((m, i) => m.hold && <Held key={`${i} ${m.ref}`} mark={m} hold={m.hold} field={field} />)}
    </>
  );
}

const Between = ({ from, to }: { from: Spot; to: Spot }): VNode => <line x1={from.x} y1={from.y} x2={to.x} y2={to.y} />;

function Held({ mark, hold, field }: { mark: TernaryMark; hold: Hold; field: Field }): VNode {
  const session = useSession();
  const wire = useWire();
  const asked = useSignal<Triple | null>(null);
  const locked = session.locked({ do: "set", path: hold.path });
  const gesture = useRef({ pointer: -1, id: 0, keyed: 0 });
  useSignalEffect(() => {
    if (session.idle.value && !session.dragging.value) asked.value = null;
  });
  const ask = (to: Triple): void => {
    if (to.join() === (asked.peek() ?? mark.at).join()) return;
    asked.value = to;
    session.act({ do: "set", path: hold.path, value: [...to] }, gesture.current.id);
  };
  const follow = (event: PointerEvent): void => {
    if (gesture.current.pointer !== event.pointerId) return;
    const { x, y } = placeOf(event);
    ask(sharesAt(x, y, field.left, field.bottom, field.side, hold.step));
  };
  const release = (event: PointerEvent): void => {
    if (gesture.current.pointer !== event.pointerId) return;
    gesture.current.pointer = -1;
    session.dragging.value = false;
  };
  const now = onSimplex(asked.value ?? mark.at, field.left, field.bottom, field.side);
  return (
    <div
      class={`grip both ${hue(mark.ref)}`}
      style={{ transform: `translate(${now.x}px, ${now.y}px)` }}
      role="slider"
      tabIndex={0}
      aria-label={hold.label}
      aria-roledescription={wire.word("plane")}
      aria-valuetext={hold.spoken}
      aria-valuemin={0}
      aria-valuemax={1}
      aria-valuenow={mark.at[1]}
      aria-readonly={locked || undefined}
      data-path={hold.path}
      data-ref={mark.ref}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const to = nudged(asked.peek() ?? mark.at, event.key, event.shiftKey ? hold.page : hold.step);
        if (!to || locked) return;
        event.preventDefault();
        if (event.timeStamp - gesture.current.keyed > HELD_KEY_MS) gesture.current.id = session.gesture();
        gesture.current.keyed = event.timeStamp;
        ask(to);
      }}
      onPointerDown={(event) => {
        if (event.button !== 0 || locked) return;
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        event.currentTarget.focus({ preventScroll: true });
        gesture.current = { pointer: event.pointerId, id: session.gesture(), keyed: 0 };
        session.dragging.value = true;
      }}
      {...{ onpointerrawupdate: follow }}
      onPointerMove={follow}
      onPointerUp={release}
      onPointerCancel={release}
      onLostPointerCapture={release}
    >
      <span class="thumb" aria-hidden="true" />
    </div>
  );
}
