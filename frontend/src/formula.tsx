// A displayed equation in native MathML. Its live numbers light up with the marks they are about, and the other way.

import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Lit, useSession, useWire } from "./context";
import type { Formula, MathNode } from "./protocol";
import { memo } from "./share";
import { Text } from "./text";

const TAGS = new Set(
  "mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd mpadded mphantom mstyle menclose".split(" "),
);
const ATTRIBUTES = new Set(
  "displaystyle scriptlevel mathvariant stretchy fence separator lspace rspace form largeop movablelimits symmetric minsize maxsize linethickness width height depth accent accentunder".split(" "),
);

export const FormulaItem = memo(({ item }: { item: Formula }): VNode => {
  const box = useRef<HTMLDivElement>(null);
  const tooWide = useSignal(false);
  const session = useSession();
  const wire = useWire();
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => (tooWide.value = element.scrollWidth > element.clientWidth + 1));
    watch.observe(element);
    if (element.firstElementChild) watch.observe(element.firstElementChild);
    return () => watch.disconnect();
  }, []);
  // Only a formula that does not fit needs a stop for the keyboard, to be scrolled.
  const scroll = tooWide.value ? { tabIndex: 0, role: "group" as const, "aria-label": wire.word("formula_scrolls") } : {};
  return (
    <div class="formula" id={session.id("formula", item.id)}>
      <div class="scroll" ref={box} {...scroll}>
        <math display="block" aria-label={item.spoken}>
          <Node node={item.math} />
        </math>
      </div>
      {item.note && (
        <p class="note">
          <Text text={item.note} />
        </p>
      )}
    </div>
  );
});

/** One element; unknown tags become mrow, unknown attributes are left out. */
function Node({ node, class: own = "" }: { node: MathNode; class?: string }): VNode {
  const tag = TAGS.has(node.tag) ? node.tag : "mrow";
  const attrs = Object.fromEntries(Object.entries(node.attrs ?? {}).filter(([name]) => ATTRIBUTES.has(name)));
  // MathML Core has no columnalign: cells carry a class instead.
  const align = (node.attrs?.["columnalign"] ?? "").split(" ").filter(Boolean);
  const kids = node.kids.map((kid) => {
    if (typeof kid === "string") return kid;
    if (tag !== "mtable") return <Node node={kid} />;
    return <TableRow node={kid} align={align} />;
  });
  return (
    <Lit tag={tag} about={node.ref} class={own} data-num={tag === "mn" && node.ref !== undefined ? "" : undefined} {...attrs}>
      {kids}
    </Lit>
  );
}

function TableRow({ node, align }: { node: MathNode; align: string[] }): VNode {
  const cells = node.kids.filter((kid): kid is MathNode => typeof kid !== "string");
  return (
    <Lit tag="mtr" about={node.ref}>
      {cells.map((cell, i) => (
        <Node node={cell} class={`to-${align[Math.min(i, align.length - 1)] ?? "center"}`} />
      ))}
    </Lit>
  );
}
