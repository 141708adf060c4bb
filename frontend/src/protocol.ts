// The view model, as sent by Python: the twin of src/xent/explorer/view.py, which says what everything means.
// A test compares the two, name by name and field by field.

export interface Num {
  text: string;
  value: number | null;
  ref?: string;
}

export interface Emphasis {
  style: "em" | "strong" | "code";
  text: string;
}

export type Inline = string | Num | Emphasis;

export interface MathNode {
  tag: string;
  kids: (MathNode | string)[];
  attrs?: Record<string, string>;
  ref?: string;
}

export interface Tick {
  at: number;
  text: string;
}

export interface Axis {
  label: string;
  domain: [number, number];
  scale: "linear" | "log";
  ticks: Tick[];
}

export interface Rule {
  axis: "x" | "y";
  at: number;
  label: string;
  ref: string;
  number?: Num;
}

export interface Drag {
  path: string;
  min: number;
  max: number;
  step: number;
  page: number;
}

export interface Bar {
  ref: string;
  label: string;
  number: Num;
  spoken: string;
  masked?: boolean;
  drag?: Drag;
  name_path?: string;
  remove?: Act;
  pick?: Act;
  picked?: boolean;
}

export interface Table {
  columns: string[];
  rows: ((string | Num)[])[];
}

export interface Bars {
  kind: "bars";
  id: string;
  title: Inline[];
  caption?: Inline[];
  axis: Axis;
  rows: Bar[];
  add?: Act;
  aligned?: boolean;
  table: Table;
}

export interface Line {
  points: ([number, number] | null)[];
  label: string;
  ref?: string;
  dashed?: boolean;
}

export interface Mark {
  x: number;
  y: number;
  ref: string;
  label: string;
}

export interface Curves {
  kind: "curves";
  id: string;
  title: Inline[];
  caption?: Inline[];
  x: Axis;
  y: Axis;
  lines: Line[];
  marks: Mark[];
  rules: Rule[];
  table: Table;
}

export interface Rect {
  x0: number;
  x1: number;
  y0: number;
  y1: number;
  ref: string;
  label: string;
}

export interface Areas {
  kind: "areas";
  id: string;
  title: Inline[];
  caption?: Inline[];
  x: Axis;
  y?: Axis;
  rects: Rect[];
  rules: Rule[];
  table: Table;
}

export interface Picture {
  pixels: string;
  width: number;
  label: string;
}

export interface Thumb {
  title: string;
  picture?: Picture;
  lines: Inline[];
  act: Act;
  picked: boolean;
  wrong: boolean;
}

export interface Gallery {
  kind: "gallery";
  id: string;
  title: Inline[];
  caption?: Inline[];
  thumbs: Thumb[];
  controls: Control[];
}

export interface Formula {
  kind: "formula";
  id: string;
  math: MathNode;
  spoken: string;
  note?: Inline[];
}

export interface Code {
  kind: "code";
  id: string;
  title: Inline[];
  tabs: CodeTab[];
}

export interface CodeTab {
  id: string;
  label: string;
  source: string;
}

export interface Prose {
  kind: "prose";
  id: string;
  text: Inline[];
  picture?: Picture;
}

export interface Readout {
  kind: "readout";
  id: string;
  items: ReadoutItem[];
}

export interface ReadoutItem {
  label: string;
  number: Num;
  unit: string;
  main?: boolean;
}

export interface Act {
  do: string;
  path?: string;
  value?: number | string | boolean | null;
  label?: string;
  disabled?: boolean;
}

export interface Slider {
  kind: "slider";
  id: string;
  label: string;
  number: Num;
  drag: Drag;
  scale: "linear" | "log";
  marks: Tick[];
  spoken: string;
  ref: string;
}

export interface Choice {
  kind: "choice";
  id: string;
  label: string;
  path: string;
  value: string;
  options: Option[];
}

export interface Option {
  value: string;
  label: string;
}

export interface Toggle {
  kind: "toggle";
  id: string;
  label: string;
  path: string;
  value: boolean;
}

export interface Button {
  kind: "button";
  id: string;
  label: string;
  act: Act;
}

export interface Transport {
  kind: "transport";
  id: string;
  label: string;
  step: Act;
  back: Act;
  reset: Act;
  done: boolean;
  status: Inline[];
}

export interface Controls {
  kind: "controls";
  id: string;
  items: Control[];
}

export type Control = Slider | Choice | Toggle | Button | Transport;

export type Item = Bars | Curves | Areas | Gallery | Formula | Code | Prose | Readout | Controls;

export interface Panel {
  id: string;
  title: string;
  lede?: Inline[];
  items: Item[];
  wide?: boolean;
}

export interface View {
  experiment: string;
  title: string;
  lede: Inline[];
  panels: Panel[];
  summary: string;
}

export interface Request {
  seq: number;
  url: string;
  actions: Act[];
  only?: string[];
}

export interface Response {
  seq: number;
  url: string;
  view?: View;
  notices: string[];
  error?: string;
}
