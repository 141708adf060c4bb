// A point on a figure that can be taken: by pointer in one direction or two, and by arrow keys.

import { useSignal, useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { plainly, snapped, type Scale } from "./axis";
import { hue, useSession, useWire, zoomOf } from "./context";
import type { Axis, Drag, Handle } from "./protocol";
import { HELD_KEY_MS, keyed } from "./slide";

export interface Way {
  scale: Scale;
  axis: Pick<Axis, "domain" | "scale">;
  /** Where the point is, in the units of the axis. */
  at: number;
  /** Where the handle's own numbers begin on the axis: a width counts from the left edge. */
  from?: number;
}

interface GripProps {
  handle: Handle;
  x: Way;
  y: Way;
  about?: string | undefined;
  class?: string;
}

/** Where a pointer is on the drawing that its target lies on. */
export function placeOf(event: MouseEvent): { x: number; y: number } {
  const target = event.currentTarget as Element;
  const ground = target.closest<HTMLElement>(".sized");
  if (!ground) return { x: 0, y: 0 };
  const box = ground.getBoundingClientRect();
  const zoom = zoomOf(ground);
  return { x: (event.clientX - box.left) / zoom, y: (event.clientY - box.top) / zoom };
}

const OPPOSITE: Record<string, string> = { ArrowUp: "ArrowDown", ArrowDown: "ArrowUp", PageUp: "PageDown", PageDown: "PageUp" };

/** Up is up on the screen, also where an axis counts downwards, as the rows of a table do. */
function aimed({ key, shiftKey }: KeyboardEvent, { scale, axis }: Way, side: Side): Pick<KeyboardEvent, "key" | "shiftKey"> {
  const downwards = side === "y" && scale.place(axis.domain[1]) > scale.place(axis.domain[0]);
  return { key: downwards ? (OPPOSITE[key] ?? key) : key, shiftKey };
}

type Side = "x" | "y";

export function Grip({ handle, x, y, about, class: own = "" }: GripProps): VNode {
  const session = useSession();
  const wire = useWire();
  const asked = useSignal<Partial<Record<Side, number>>>({});
  const ways = { x, y };
  const locked = session.locked({ do: "set", path: (handle.x ?? handle.y)?.path ?? "" });
  const latest = useRef({ handle, ways });
  latest.current = { handle, ways };
  const hold = useRef({ pointer: -1, gesture: 0, keyed: 0, dx: 0, dy: 0 });
  useSignalEffect(() => {
    if (session.idle.value && !session.dragging.value) asked.value = {};
  });

  const standing = (side: Side): number => {
    const way = latest.current.ways[side];
    return asked.peek()[side] ?? way.at - (way.from ?? 0);
  };
  const ask = (side: Side, drag: Drag, value: number): void => {
    if (value === standing(side)) return;
    asked.value = { ...asked.peek(), [side]: value };
    session.act({ do: "set", path: drag.path, value }, hold.current.gesture);
  };

  const follow = (event: PointerEvent): void => {
    if (hold.current.pointer !== event.pointerId) return;
    const at = placeOf(event);
    const places = { x: at.x - hold.current.dx, y: at.y - hold.current.dy };
    for (const side of ["x", "y"] as const) {
      const drag = latest.current.handle[side];
      const way = latest.current.ways[side];
      if (drag) ask(side, drag, snapped(way.scale.value(places[side]) - (way.from ?? 0), drag, way.axis.scale));
    }
  };
  const release = (event: PointerEvent): void => {
    if (hold.current.pointer !== event.pointerId) return;
    hold.current.pointer = -1;
    session.dragging.value = false;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const upright = event.key === "ArrowUp" || event.key === "ArrowDown" || event.key === "PageUp" || event.key === "PageDown";
    const side: Side = (upright && handle.y) || !handle.x ? "y" : "x";
    const drag = handle[side];
    if (!drag) return;
    const to = keyed(aimed(event, ways[side], side), standing(side), drag, ways[side].axis.scale);
    if (to === null || locked) return;
    event.preventDefault();
    if (event.timeStamp - hold.current.keyed > HELD_KEY_MS) hold.current.gesture = session.gesture();
    hold.current.keyed = event.timeStamp;
    ask(side, drag, to);
  };

  const now = (side: Side): number => (asked.value[side] ?? ways[side].at - (ways[side].from ?? 0)) + (ways[side].from ?? 0);
  const main = handle.x ?? handle.y;
  const left = x.scale.place(now("x"));
  const top = y.scale.place(now("y"));
  const range: Record<string, unknown> = {
    "aria-valuemin": main && plainly(main.min),
    "aria-valuemax": main && plainly(main.max),
    "aria-valuenow": plainly(standing(handle.x ? "x" : "y")),
  };
  const free = handle.x && handle.y ? { "aria-roledescription": wire.word("plane") } : {};
  return (
    <div
      class={`grip ${own} ${hue(about)} ${handle.x ? (handle.y ? "both" : "across") : "upright"}`}
      style={{ transform: `translate(${left}px, ${top}px)` }}
      role="slider"
      tabIndex={0}
      aria-label={handle.label}
      aria-valuetext={handle.spoken}
      {...range}
      aria-orientation={handle.x ? "horizontal" : "vertical"}
      {...free}
      aria-readonly={locked || undefined}
      data-path={main?.path}
      data-ref={about}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        if (event.button !== 0 || locked) return;
        const grip = event.currentTarget;
        event.preventDefault();
        event.stopPropagation();
        grip.setPointerCapture(event.pointerId);
        grip.focus({ preventScroll: true });
        const at = placeOf(event);
        hold.current = { pointer: event.pointerId, gesture: session.gesture(), keyed: 0, dx: at.x - left, dy: at.y - top };
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
