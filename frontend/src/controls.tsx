// Sliders, choices, toggles, buttons and the transport of a run.

import { useComputed, useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { scaleOf } from "./axis";
import { Lit, useSession, useWire } from "./context";
import type { Choice, Control, Controls, Slider, Toggle, Transport } from "./protocol";
import { memo } from "./share";
import { useSlide } from "./slide";
import { Press, Text } from "./text";
import { Typed } from "./typed";

export const ControlsRow = memo(({ item }: { item: Controls }): VNode => <ControlList items={item.items} />);

export function ControlList({ items }: { items: Control[] }): VNode {
  return (
    <div class="controls">
      {grouped(items).map((group) => {
        const controls = group.map((item) => <One key={item.id} item={item} />);
        return controls.length > 1 ? (
          <div key={group[0]?.id} class="buttons">
            {controls}
          </div>
        ) : (
          controls
        );
      })}
    </div>
  );
}

/** Buttons that stand together go to another line together. */
function grouped(items: Control[]): Control[][] {
  const out: Control[][] = [];
  for (const item of items) {
    const last = out.at(-1);
    if (item.kind === "button" && last?.[0]?.kind === "button") last.push(item);
    else out.push([item]);
  }
  return out;
}

function One({ item }: { item: Control }): VNode {
  switch (item.kind) {
    case "slider":
      return <SliderControl item={item} />;
    case "choice":
      return <ChoiceControl item={item} />;
    case "toggle":
      return <ToggleControl item={item} />;
    case "button":
      return <Press act={item.act}>{item.label}</Press>;
    case "transport":
      return <TransportControl item={item} />;
  }
}

const SliderControl = memo(({ item }: { item: Slider }): VNode => {
  const { drag, number, scale, marks, label, spoken } = item;
  const axis = { domain: [drag.min, drag.max] as [number, number], scale };
  const { asked, props } = useSlide({ drag, axis, number, spoken, label, marks });
  const places = scaleOf(axis, 0, 100);
  const wire = useWire();
  const held = useComputed(() => asked.value);
  const at = places.place(held.value ?? number.value ?? drag.min);
  return (
    <Lit tag="div" about={item.ref} class="slider">
      <span class="control-label">{label}</span>
      <div class="track-box" {...props}>
        <svg class="track" aria-hidden="true" focusable="false">
          <line class="rail" x1="0" x2="100%" y1="16" y2="16" />
          {marks.map((m) => (
            <line key={m.at} class="notch" x1={`${places.place(m.at)}%`} x2={`${places.place(m.at)}%`} y1="11" y2="21" />
          ))}
          <circle class="knob" cx={`${at}%`} cy="16" r="8" />
          {marks.map((m) => {
            const x = places.place(m.at);
            return (
              <text key={m.at} x={`${x}%`} y="38" text-anchor={x < 2 ? "start" : x > 98 ? "end" : "middle"}>
                {m.text}
              </text>
            );
          })}
        </svg>
      </div>
      <Typed text={number.text} path={drag.path} label={wire.word("number_of", { label })} class="value" about={number.ref ?? item.ref} number />
    </Lit>
  );
});

function ChoiceControl({ item }: { item: Choice }): VNode {
  const session = useSession();
  void session.answers.value; // a refused choice is drawn back to what holds
  const locked = session.locked({ do: "set", path: item.path });
  return (
    <fieldset class={locked ? "choice locked" : "choice"}>
      <legend class="control-label">{item.label}</legend>
      <div class="options">
        {item.options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={session.id(item.id)}
              value={option.value}
              checked={option.value === item.value}
              disabled={locked}
              data-path={item.path}
              onChange={() => session.act({ do: "set", path: item.path, value: option.value })}
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function ToggleControl({ item }: { item: Toggle }): VNode {
  const session = useSession();
  void session.answers.value;
  return (
    <label class="toggle">
      <input
        type="checkbox"
        checked={item.value}
        disabled={session.locked({ do: "set", path: item.path })}
        data-path={item.path}
        onChange={(e) => session.act({ do: "set", path: item.path, value: e.currentTarget.checked })}
      />
      <span>{item.label}</span>
    </label>
  );
}

const RUN_MS = 80;
const CALM_RUN_MS = 500;

function TransportControl({ item }: { item: Transport }): VNode {
  const session = useSession();
  const wire = useWire();
  const latest = useRef(item);
  latest.current = item;
  const run = useRef({ gesture: 0 });
  const running = useComputed(() => session.running.value === item.id);
  // After every answer of a run, wait a little and take the next step, until Python says that it is done.
  useSignalEffect(() => {
    void session.answers.value;
    if (!running.value) return;
    if (latest.current.done || latest.current.step.disabled) {
      session.running.value = null;
      return;
    }
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const timer = setTimeout(() => session.act(latest.current.step, run.current.gesture, true), calm ? CALM_RUN_MS : RUN_MS);
    return () => clearTimeout(timer);
  });
  const start = (): void => {
    if (running.value) {
      session.running.value = null;
      return;
    }
    run.current.gesture = session.gesture();
    session.act(item.step, run.current.gesture);
    session.running.value = item.id;
  };
  return (
    <div class="transport" role="group" aria-label={item.label}>
      <span class="control-label">{item.label}</span>
      <Press act={item.back}>{item.back.label}</Press>
      <Press act={item.step}>{item.step.label}</Press>
      <Press act={{ ...item.step, disabled: item.done && !running.value }} class="button run" onPress={start}>
        {wire.word(running.value ? "pause" : "run")}
      </Press>
      <Press act={item.reset}>{item.reset.label}</Press>
      <span class="status">
        <Text text={item.status} />
      </span>
    </div>
  );
}
