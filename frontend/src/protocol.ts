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

export interface Handle {
  x?: Drag;
  y?: Drag;
  label: string;
  spoken: string;
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
  more?: Num[];
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
  series?: string[];
  table: Table;
}

export interface Line {
  points: ([number, number] | null)[];
  label: string;
  ref?: string;
  dashed?: boolean;
  thin?: boolean;
}

export interface Mark {
  x: number;
  y: number;
  ref: string;
  label: string;
  handle?: Handle;
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
  striped?: boolean;
  handle?: Handle;
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

export interface Cell {
  text: string;
  shade: number | null;
  ref?: string;
}

export interface Heatmap {
  kind: "heatmap";
  id: string;
  title: Inline[];
  caption?: Inline[];
  columns: string[];
  rows: string[];
  column_axis: string;
  row_axis: string;
  cells: Cell[][];
  scale: "sequential" | "diverging";
  texts: boolean;
  ends: [string, string];
  pick?: Handle;
  picked?: [number, number];
  table: Table;
}

export interface Region {
  points: ([number, number])[];
  ref: string;
  label: string;
}

export interface Arrow {
  start: [number, number];
  end: [number, number];
  ref?: string;
}

export interface Dot {
  x: number;
  y: number;
  ref: string;
  shape: "circle" | "square" | "triangle" | "diamond";
  label: string;
  wrong?: boolean;
  handle?: Handle;
  remove?: Act;
}

export interface Scatter {
  kind: "scatter";
  id: string;
  title: Inline[];
  caption?: Inline[];
  x: Axis;
  y: Axis;
  dots: Dot[];
  lines: Line[];
  regions: Region[];
  arrows: Arrow[];
  marks: Mark[];
  add?: Act;
  square?: boolean;
  table: Table;
}

export type Triple = [number, number, number];

export interface Corner {
  label: string;
  ref: string;
}

export interface TernaryLine {
  points: (Triple | null)[];
  label: string;
  ref?: string;
  dashed?: boolean;
  thin?: boolean;
}

export interface TernaryArrow {
  start: Triple;
  end: Triple;
  ref?: string;
}

export interface Hold {
  path: string;
  step: number;
  page: number;
  label: string;
  spoken: string;
}

export interface TernaryMark {
  at: Triple;
  ref: string;
  label: string;
  hold?: Hold;
}

export interface Simplex {
  kind: "simplex";
  id: string;
  title: Inline[];
  caption?: Inline[];
  corners: [Corner, Corner, Corner];
  lines: TernaryLine[];
  arrows: TernaryArrow[];
  marks: TernaryMark[];
  table: Table;
}

export interface Edit {
  kind: "edit";
  path: string;
  number?: Num;
  text?: string;
  label: string;
}

export interface Pick {
  kind: "pick";
  path: string;
  value: string;
  options: Option[];
  label: string;
  ref?: string;
}

export interface Switch {
  kind: "switch";
  path: string;
  value: boolean;
  label: string;
}

export type SheetCell = string | Num | Edit | Pick | Switch;

export interface SheetRow {
  ref: string;
  cells: SheetCell[];
  off?: boolean;
  remove?: Act;
}

export interface Sheet {
  kind: "sheet";
  id: string;
  title: Inline[];
  caption?: Inline[];
  columns: string[];
  rows: SheetRow[];
  foot: ((string | Num)[])[];
  add?: Act;
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
  value?: number | string | boolean | number[] | string[] | null;
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

export type Item = Bars | Curves | Areas | Heatmap | Scatter | Simplex | Sheet | Gallery | Formula | Code | Prose | Readout | Controls;

export interface Panel {
  id: string;
  title: string;
  lede?: Inline[];
  items: Item[];
  wide?: boolean;
  pending?: boolean;
  covered?: boolean;
}

export interface Offer {
  text: Inline[];
  act: Act;
}

export interface Answer {
  text: Inline[];
  act: Act;
}

export interface Question {
  id: string;
  text: Inline[];
  answers: Answer[];
  chosen: number | null;
  right?: number;
  verdict?: string;
  why?: Inline[];
  step?: Act;
}

export interface View {
  experiment: string;
  title: string;
  lede: Inline[];
  offers: Offer[];
  question?: Question;
  panels: Panel[];
  summary: string;
  locks: string[];
  hidden: string[];
  size: string;
}

export interface Entry {
  name: string;
  url: string;
  number: string;
  title: string;
  group: string;
  text: Inline[];
  takes_rows: boolean;
}

export interface Contents {
  title: string;
  lede: Inline[];
  language: string;
  sections: Entry[];
  at: string;
  solo: boolean;
  longest: number;
  words: Record<string, string>;
}

export interface Given {
  name: string;
  text: string;
  form: "logits" | "probs";
}

export interface Own {
  text: Inline[];
  notes: string[];
}

export interface Request {
  seq: number;
  url: string;
  actions: Act[];
  only?: string[];
  slow?: boolean;
  contents?: boolean;
  keep?: boolean;
  own?: Given | null;
}

export interface Response {
  seq: number;
  url: string;
  view?: View;
  contents?: Contents;
  kept?: string;
  own?: Own;
  notices: string[];
  error?: string;
}

export interface Progress {
  seq: number;
  progress: number;
}
