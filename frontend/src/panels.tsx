// A panel and the things in it.

import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { AreasFigure } from "./areas";
import { AlignedBars, BarsFigure } from "./bars";
import { CodeFigure } from "./code";
import { Lit, useSeen, useSession } from "./context";
import { ControlsRow } from "./controls";
import { CurvesFigure } from "./curves";
import { FormulaItem } from "./formula";
import { GalleryFigure } from "./gallery";
import { Pixels } from "./pixels";
import type { Bars, Item, Panel, Prose, Readout } from "./protocol";
import { memo } from "./share";
import { Number_, Text } from "./text";

export const PanelSection = memo(({ panel }: { panel: Panel }): VNode => {
  const ref = useRef<HTMLElement>(null);
  const { seen } = useSession();
  useSeen(ref, (visible) => {
    if (visible) seen.add(panel.id);
    else seen.delete(panel.id);
  });
  useLayoutEffect(() => (ref.current ? packed(ref.current) : undefined), []);
  return (
    <section ref={ref} class={`panel ${panel.wide ? "wide" : ""}`} id={`panel-${panel.id}`} aria-labelledby={`panel-title-${panel.id}`}>
      <h2 id={`panel-title-${panel.id}`}>{panel.title}</h2>
      {panel.lede && (
        <p class="lede">
          <Text text={panel.lede} />
        </p>
      )}
      {grouped(panel.items).map((group) =>
        Array.isArray(group) ? <AlignedBars key={group[0]?.id} items={group} /> : <ItemView key={group.id} item={group} />,
      )}
    </section>
  );
});

const GRAIN_PX = 4; // the height of a grid row in layout.css

/** Let a panel span as many fine grid rows as it is high, so that pairs of unequal panels leave no holes. */
function packed(panel: HTMLElement): () => void {
  const watch = new ResizeObserver(() => fit());
  const fit = (): void => {
    panel.style.gridRowEnd = `span ${Math.ceil(panel.getBoundingClientRect().height / GRAIN_PX)}`;
  };
  fit();
  watch.observe(panel);
  return () => watch.disconnect();
}

/** Consecutive bars that share their rows become one group. */
function grouped(items: Item[]): (Item | Bars[])[] {
  const out: (Item | Bars[])[] = [];
  for (const item of items) {
    const last = out.at(-1);
    if (item.kind !== "bars" || !item.aligned) out.push(item);
    else if (Array.isArray(last)) last.push(item);
    else out.push([item]);
  }
  return out;
}

function ItemView({ item }: { item: Item }): VNode {
  switch (item.kind) {
    case "bars":
      return <BarsFigure item={item} />;
    case "curves":
      return <CurvesFigure item={item} />;
    case "areas":
      return <AreasFigure item={item} />;
    case "gallery":
      return <GalleryFigure item={item} />;
    case "formula":
      return <FormulaItem item={item} />;
    case "code":
      return <CodeFigure item={item} />;
    case "prose":
      return <ProseItem item={item} />;
    case "readout":
      return <ReadoutItemList item={item} />;
    case "controls":
      return <ControlsRow item={item} />;
  }
}

const ProseItem = memo(
  ({ item }: { item: Prose }): VNode => (
    <div class="prose" id={`prose-${item.id}`}>
      {item.picture && <Pixels picture={item.picture} labelled />}
      <p>
        <Text text={item.text} />
      </p>
    </div>
  ),
);

const ReadoutItemList = memo(
  ({ item }: { item: Readout }): VNode => (
    <dl class="readout" id={`readout-${item.id}`}>
      {item.items.map((one) => (
        <Lit tag="div" key={one.label} about={one.number.ref} class={one.main ? "main" : ""}>
          <dt>{one.label}</dt>
          <dd>
            <Number_ number={one.number} /> <span class="unit">{one.unit}</span>
          </dd>
        </Lit>
      ))}
    </dl>
  ),
);
