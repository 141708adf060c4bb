// Everything that slides: a bar's end and a slider's thumb, by pointer and by key, as one behaviour.

import { useSignal, useSignalEffect, type ReadonlySignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { plainly, scaleOf, snapped, stepped } from "./axis";
import { useSession } from "./context";
import type { Axis, Drag, Num, Tick } from "./protocol";

export interface Sliding {
  drag: Drag;
  axis: Pick<Axis, "domain" | "scale">;
  number: Num;
  spoken: string;
  label: string;
  /** Places that hold the pointer when it is near. */
  marks?: Tick[];
}

export interface Slide {
  /** Where the pointer or key has put the thumb; null when it stands where Python's number is. */
  asked: ReadonlySignal<number | null>;
  props: Record<string, unknown>;
}

const NEAR_PX = 7;
export const HELD_KEY_MS = 800;
const TOUCH_SLOP_PX = 8;

export function useSlide(now: Sliding): Slide {
  const session = useSession();
  const asked = useSignal<number | null>(null);
  const locked = session.locked({ do: "set", path: now.drag.path });
  const latest = useRef(now);
  latest.current = now;
  const hold = useRef({ pointer: -1, gesture: 0, keyed: 0, startX: 0, undecided: false });
  // Python has answered everything and nobody holds the thumb: it goes where the number is.
  useSignalEffect(() => {
    if (session.idle.value && !session.dragging.value) asked.value = null;
  });

  const ask = (value: number): void => {
    if (value === (asked.peek() ?? latest.current.number.value)) return;
    asked.value = value;
    session.act({ do: "set", path: latest.current.drag.path, value }, hold.current.gesture);
  };

  const point = (event: PointerEvent): void => {
    const { drag, axis, marks } = latest.current;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const scale = scaleOf(axis, 0, box.width);
    const x = event.clientX - box.left;
    const near = marks?.find((m) => Math.abs(scale.place(m.at) - x) <= NEAR_PX);
    ask(near ? near.at : snapped(scale.value(x), drag, axis.scale));
  };

  const release = (event: PointerEvent): void => {
    if (hold.current.pointer !== event.pointerId) return;
    if (hold.current.undecided && event.type === "pointerup") point(event);
    hold.current.pointer = -1;
    session.dragging.value = false;
  };

  const follow = (event: PointerEvent): void => {
    if (hold.current.pointer !== event.pointerId) return;
    if (hold.current.undecided && Math.abs(event.clientX - hold.current.startX) < TOUCH_SLOP_PX) return;
    hold.current.undecided = false;
    point(event);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { drag, axis, number } = latest.current;
    const from = asked.peek() ?? number.value ?? axis.domain[0];
    const to = keyed(event, from, drag, axis.scale);
    if (to === null || locked) return;
    event.preventDefault();
    if (event.timeStamp - hold.current.keyed > HELD_KEY_MS) hold.current.gesture = session.gesture();
    hold.current.keyed = event.timeStamp;
    ask(to);
  };

  const { drag, number, spoken, label } = now;
  return {
    asked,
    props: {
      role: "slider",
      tabIndex: 0,
      "aria-label": label,
      "aria-orientation": "horizontal",
      "aria-valuemin": plainly(drag.min),
      "aria-valuemax": plainly(drag.max),
      "aria-valuenow": plainly(number.value ?? drag.min),
      "aria-valuetext": spoken,
      "data-path": drag.path,
      "aria-readonly": locked || undefined,
      onKeyDown,
      onPointerDown: (event: PointerEvent) => {
        if (event.button !== 0 || locked) return;
        const lane = event.currentTarget as HTMLElement;
        lane.setPointerCapture(event.pointerId);
        lane.focus({ preventScroll: true });
        // A finger may have come to scroll: it sets nothing until it moves sideways or is lifted.
        const undecided = event.pointerType === "touch";
        hold.current = { pointer: event.pointerId, gesture: session.gesture(), keyed: 0, startX: event.clientX, undecided };
        session.dragging.value = true;
        if (undecided) return;
        event.preventDefault();
        point(event);
      },
      // Chromium holds moves back until the next frame; its raw ones let Python begin at once.
      onpointerrawupdate: follow,
      onPointerMove: follow,
      onPointerUp: release,
      onPointerCancel: release,
      onLostPointerCapture: release,
    },
  };
}

/** What a key asks for; null when it is not one of a slider's keys. */
export function keyed(event: Pick<KeyboardEvent, "key" | "shiftKey">, from: number, drag: Drag, scale: "linear" | "log"): number | null {
  const by = event.shiftKey ? "page" : "step";
  switch (event.key) {
    case "ArrowRight":
    case "ArrowUp":
      return stepped(from, drag, scale, by, 1);
    case "ArrowLeft":
    case "ArrowDown":
      return stepped(from, drag, scale, by, -1);
    case "PageUp":
      return stepped(from, drag, scale, "page", 1);
    case "PageDown":
      return stepped(from, drag, scale, "page", -1);
    case "Home":
      return drag.min;
    case "End":
      return drag.max;
    default:
      return null;
  }
}
