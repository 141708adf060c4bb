// A figure, as it stands on the page, as SVG or PNG; a table as CSV. Words are taken verbatim: they are Python's.
// The figure is read into a list of shapes and words in pixels, which is then written in either form.

import type { Num, Table } from "./protocol";

interface Shape {
  d: string;
  matrix: [number, number, number, number, number, number];
  fill: string;
  stroke: string;
  width: number;
  dash: number[];
  opacity: number;
  hatched: boolean;
  clip: [number, number, number, number] | null;
}

interface Word {
  text: string;
  x: number;
  y: number;
  width: number;
  font: { style: string; weight: string; size: number; family: string };
  fill: string;
}

export interface Drawing {
  width: number;
  height: number;
  paper: string;
  shapes: Shape[];
  words: Word[];
}

const MARGIN = 12;
/** What is no part of a picture: handles, buttons, the table behind. */
const LEFT_OUT = "button, .grip, .thumb, .track, .exports, .data, .hidden, select, .add";

export function read(figure: HTMLElement): Drawing {
  const root = figure.closest<HTMLElement>(".xent");
  figure.classList.add("taken");
  root?.style.setProperty("zoom", "1"); // a page enlarged for a projector
  try {
    return readAsShown(figure);
  } finally {
    figure.classList.remove("taken");
    root?.style.removeProperty("zoom");
  }
}

function readAsShown(figure: HTMLElement): Drawing {
  const box = figure.getBoundingClientRect();
  const out: Drawing = { width: box.width + 2 * MARGIN, height: 0, paper: paperOf(figure), shapes: [], words: [] };
  const [dx, dy] = [MARGIN - box.left, MARGIN - box.top];
  const walk = (node: Node): void => {
    if (node instanceof Element) {
      if (node.matches(LEFT_OUT) && !node.matches(".drawing")) return;
      if (node instanceof SVGGeometryElement) shape(node, out, dx, dy);
      else if (node instanceof HTMLInputElement) typed(node, out, dx, dy);
      else if (node.matches(".swatch")) swatch(node, out, dx, dy);
      if (node.matches("clipPath, pattern, defs")) return;
    } else if (node instanceof Text) words(node, out, dx, dy);
    node.childNodes.forEach(walk);
  };
  walk(figure);
  const ends = [...out.words.map((w) => w.y + w.font.size * 0.4), ...out.shapes.map((s) => s.matrix[5])];
  const drawing = figure.querySelector(".drawing")?.getBoundingClientRect();
  out.height = Math.ceil(Math.max(...ends, (drawing?.bottom ?? 0) + dy) + MARGIN);
  return out;
}

function paperOf(element: Element): string {
  const root = element.closest(".xent");
  return root ? getComputedStyle(root).backgroundColor : "white";
}

function shape(node: SVGGeometryElement, out: Drawing, dx: number, dy: number): void {
  const style = getComputedStyle(node);
  const d = outline(node);
  const m = node.getScreenCTM();
  if (!d || !m || style.visibility === "hidden" || node.closest("clipPath, pattern")) return;
  const hatched = (node.getAttribute("fill") ?? style.fill).startsWith("url");
  let opacity = 1;
  for (let e: Element | null = node; e instanceof SVGElement; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
  out.shapes.push({
    d,
    matrix: [m.a, m.b, m.c, m.d, m.e + dx, m.f + dy],
    fill: hatched ? "none" : style.fill,
    stroke: hatched ? getComputedStyle(node).getPropertyValue("--soft") || "gray" : style.stroke,
    width: hatched ? 1 : parseFloat(style.strokeWidth),
    dash: style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(/[ ,]+/).map(parseFloat),
    opacity,
    hatched,
    clip: clipOf(node, dx, dy),
  });
}

/** The outline of any geometry element as path data; lengths in per cent are resolved by the browser. */
function outline(node: SVGGeometryElement): string {
  if (node instanceof SVGPathElement) return node.getAttribute("d") ?? "";
  if (node instanceof SVGRectElement) {
    const [x, y, w, h] = [node.x, node.y, node.width, node.height].map((length) => length.baseVal.value) as [number, number, number, number];
    return w > 0 && h > 0 ? `M${x} ${y}h${w}v${h}h${-w}z` : "";
  }
  if (node instanceof SVGLineElement) {
    return `M${node.x1.baseVal.value} ${node.y1.baseVal.value}L${node.x2.baseVal.value} ${node.y2.baseVal.value}`;
  }
  if (node instanceof SVGCircleElement) {
    const [x, y, r] = [node.cx.baseVal.value, node.cy.baseVal.value, node.r.baseVal.value];
    return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
  }
  return "";
}

function clipOf(node: Element, dx: number, dy: number): Shape["clip"] {
  const name = node.closest("[clip-path]")?.getAttribute("clip-path")?.slice(5, -1);
  const svg = node.closest("svg");
  const rect = name ? svg?.querySelector(`[id="${name}"] rect`) : null;
  if (!svg || !(rect instanceof SVGRectElement)) return null;
  const box = svg.getBoundingClientRect();
  return [box.left + rect.x.baseVal.value + dx, box.top + rect.y.baseVal.value + dy, rect.width.baseVal.value, rect.height.baseVal.value];
}

function fontOf(style: CSSStyleDeclaration): Word["font"] {
  return { style: style.fontStyle, weight: style.fontWeight, size: parseFloat(style.fontSize), family: style.fontFamily };
}

/** Words in runs that stand on one line, each placed where the browser put it. */
function words(node: Text, out: Drawing, dx: number, dy: number): void {
  const parent = node.parentElement;
  if (!parent || !node.data.trim()) return;
  const style = getComputedStyle(parent);
  if (style.visibility === "hidden") return;
  const svg = parent instanceof SVGElement;
  const range = document.createRange();
  let run: { text: string; box: DOMRect; right: number } | null = null;
  const flush = (): void => {
    if (run?.text.trim()) put(run.text.trimEnd(), run.box, run.right - run.box.left);
    run = null;
  };
  const font = fontOf(style);
  const put = (text: string, box: DOMRect, width: number): void => {
    const baseline = box.top + (box.height + font.size * 0.68) / 2;
    out.words.push({ text, x: box.left + dx, y: baseline + dy, width, font, fill: svg ? style.fill : style.color });
  };
  for (const { 0: piece, index } of node.data.matchAll(/\S+\s*|\s+/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + piece.length);
    const [box] = range.getClientRects();
    if (!box || box.width === 0) continue;
    if (run && Math.abs(run.box.top - box.top) < 3) {
      run.text += piece;
      run.right = box.right;
    } else {
      flush();
      run = { text: piece, box, right: box.right };
    }
  }
  flush();
}

function typed(node: HTMLInputElement, out: Drawing, dx: number, dy: number): void {
  if (node.type !== "text") return;
  const style = getComputedStyle(node);
  const box = node.getBoundingClientRect();
  const font = fontOf(style);
  const pen = document.createElement("canvas").getContext("2d");
  if (pen) pen.font = `${font.style} ${font.weight} ${font.size}px ${font.family}`;
  const width = pen?.measureText(node.value).width ?? 0;
  const pad = parseFloat(style.paddingLeft);
  const x = style.textAlign === "right" ? box.right - pad - width : box.left + pad;
  out.words.push({ text: node.value, x: x + dx, y: box.top + box.height / 2 + font.size * 0.32 + dy, width, font, fill: style.color });
}

function swatch(node: Element, out: Drawing, dx: number, dy: number): void {
  const box = node.getBoundingClientRect();
  const style = getComputedStyle(node);
  const d = `M0 0h${box.width}v${box.height}h${-box.width}z`;
  out.shapes.push({ d, matrix: [1, 0, 0, 1, box.left + dx, box.top + dy], fill: style.backgroundColor, stroke: "none", width: 0, dash: [], opacity: Number(style.opacity), hatched: false, clip: null });
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);

export function toSvg(drawing: Drawing, title: string): string {
  const { width, height, paper, shapes } = drawing;
  const hatch = `<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0v7" stroke="#888"/></pattern>`;
  const clips = [...new Set(shapes.flatMap((s) => (s.clip ? [s.clip.join(" ")] : [])))];
  const clipPaths = clips.map((clip, i) => {
    const [x, y, w, h] = clip.split(" ");
    return `<clipPath id="clip${i}"><rect x="${x}" y="${y}" width="${w}" height="${h}"/></clipPath>`;
  });
  const paths = shapes.map((s) => {
    const dash = s.dash.length > 0 ? ` stroke-dasharray="${s.dash.join(" ")}"` : "";
    const stroke = s.hatched || s.stroke === "none" ? "" : ` stroke="${s.stroke}" stroke-width="${s.width}"${dash}`;
    const path = `<path d="${s.d}" transform="matrix(${s.matrix.join(" ")})" fill="${s.hatched ? "url(#hatch)" : s.fill}"${stroke}${s.opacity < 1 ? ` opacity="${s.opacity}"` : ""}/>`;
    return s.clip ? `<g clip-path="url(#clip${clips.indexOf(s.clip.join(" "))})">${path}</g>` : path;
  });
  const texts = drawing.words.map(
    ({ text, x, y, font, fill }) =>
      `<text x="${x}" y="${y}" fill="${fill}" font-family="${escaped(font.family)}" font-size="${font.size}" font-style="${font.style}" font-weight="${font.weight}" xml:space="preserve">${escaped(text)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escaped(title)}</title><defs>${hatch}${clipPaths.join("")}</defs>`,
    `<rect width="100%" height="100%" fill="${paper}"/>`,
    ...paths,
    ...texts,
    "</svg>",
  ].join("\n");
}

const PNG_SCALE = 3;

export function toPng(drawing: Drawing): Promise<Blob | null> {
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(drawing.width * PNG_SCALE);
  canvas.height = Math.round(drawing.height * PNG_SCALE);
  const pen = canvas.getContext("2d");
  if (!pen) return Promise.resolve(null);
  pen.scale(PNG_SCALE, PNG_SCALE);
  pen.fillStyle = drawing.paper;
  pen.fillRect(0, 0, drawing.width, drawing.height);
  for (const s of drawing.shapes) {
    pen.save();
    if (s.clip) {
      pen.beginPath();
      pen.rect(...s.clip);
      pen.clip();
    }
    pen.globalAlpha = s.opacity;
    pen.transform(...s.matrix);
    const path = new Path2D(s.d);
    if (s.hatched) hatch(pen, path, s.stroke);
    else if (s.fill !== "none") {
      pen.fillStyle = s.fill;
      pen.fill(path);
    }
    if (!s.hatched && s.stroke !== "none" && s.width > 0) {
      pen.strokeStyle = s.stroke;
      pen.lineWidth = s.width;
      pen.setLineDash(s.dash);
      pen.stroke(path);
    }
    pen.restore();
  }
  for (const { text, x, y, font, fill } of drawing.words) {
    pen.font = `${font.style} ${font.weight} ${font.size}px ${font.family}`;
    pen.fillStyle = fill;
    pen.fillText(text, x, y);
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function hatch(pen: CanvasRenderingContext2D, path: Path2D, stroke: string): void {
  pen.clip(path);
  pen.strokeStyle = stroke;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let x = -4000; x < 4000; x += 10) {
    pen.moveTo(x, 0);
    pen.lineTo(x + 4000, 4000);
  }
  pen.stroke();
}

/** Comma-separated values with Python's words in them; a cell that needs quotation marks gets them. */
export function toCsv(rows: (string | Num)[][]): string {
  const cell = (value: string | Num): string => {
    const text = typeof value === "string" ? value : value.text;
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

export const tableRows = ({ columns, rows }: Table): (string | Num)[][] => [columns, ...rows];

/** Hand a file to the reader. */
export function save(name: string, content: string | Blob, type = "text/plain"): void {
  const url = URL.createObjectURL(typeof content === "string" ? new Blob([content], { type: `${type};charset=utf-8` }) : content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
