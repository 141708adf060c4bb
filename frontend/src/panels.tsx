// A panel and the things in it.

import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { AreasFigure } from "./areas";
import { AlignedBars, BarsFigure } from "./bars";
import { CodeFigure } from "./code";
import { Lit, useSeen, useSession, useWire } from "./context";
import { ControlsRow } from "./controls";
import { CurvesFigure } from "./curves";
import { HeatmapFigure } from "./heatmap";
import { FormulaItem } from "./formula";
import { GalleryFigure } from "./gallery";
import { Pixels } from "./pixels";
import type { Bars, Item, Panel, Prose, Readout } from "./protocol";
import { ScatterFigure } from "./scatter";
import { memo } from "./share";
import { SheetFigure } from "./sheet";
import { SimplexFigure } from "./simplex";
import { Number_, Text } from "./text";

export const PanelSection = memo(({ panel }: { panel: Panel }): VNode => {
  const ref = useRef<HTMLElement>(null);
  const session = useSession();
  const wire = useWire();
  useSeen(ref, (visible) => session.see(panel.id, visible));
  const Heading = wire.solo.value ? "h2" : "h3";
  useLayoutEffect(() => (ref.current ? packed(ref.current) : undefined), []);
  return (
    <section
      ref={ref}
      class={["panel", panel.wide && "wide", panel.pending && "pending"].filter(Boolean).join(" ")}
      id={session.id("panel", panel.id)}
      aria-labelledby={session.id("panel-title", panel.id)}
      aria-busy={panel.pending ?? false}
    >
      <Heading class="panel-title" id={session.id("panel-title", panel.id)}>
        {panel.title}
      </Heading>
      {panel.pending && <Computing />}
      {panel.covered && <p class="covered">{wire.word("covered")}</p>}
      {panel.lede && (
        <p class="lede">
          <Text text={panel.lede} />
        </p>
      )}
      {grouped(panel.items, panel.wide ?? false).map((group) => (
        <Group key={group[0]?.id} items={group} />
      ))}
    </section>
  );
});

/** A panel that takes long says that it is at work, and how far. */
function Computing(): VNode {
  const session = useSession();
  const wire = useWire();
  const done = session.progress.value;
  return (
    <p class="computing">
      {wire.word("computing")} <progress aria-label={wire.word("computing")} {...(done === null ? {} : { value: done })} />
    </p>
  );
}

const GRAIN_PX = 4; // the height of a grid row in layout.css

/** Let a panel span as many fine grid rows as it is high, so that pairs of unequal panels leave no holes. */
function packed(panel: HTMLElement): () => void {
  const watch = new ResizeObserver(() => fit());
  const fit = (): void => {
    panel.style.gridRowEnd = `span ${Math.ceil(panel.offsetHeight / GRAIN_PX)}`;
  };
  fit();
  watch.observe(panel);
  return () => watch.disconnect();
}

const aligned = (item: Item | undefined): item is Bars => item?.kind === "bars" && (item.aligned ?? false);

/** Consecutive bars that share their rows become one group; in a panel with room, so do two pictures of a kind. */
function grouped(items: Item[], wide: boolean): Item[][] {
  const out: Item[][] = [];
  for (const item of items) {
    const last = out.at(-1);
    const alike = wide && (item.kind === "curves" || item.kind === "heatmap") && last?.[0]?.kind === item.kind && last.length < 2;
    if (last && (alike || (aligned(item) && aligned(last[0])))) last.push(item);
    else out.push([item]);
  }
  return out;
}

function Group({ items }: { items: Item[] }): VNode {
  if (aligned(items[0])) return <AlignedBars items={items.filter(aligned)} />;
  const views = items.map((item) => <ItemView key={item.id} item={item} />);
  return items.length > 1 ? <div class="pair">{views}</div> : <>{views}</>;
}

function ItemView({ item }: { item: Item }): VNode {
  switch (item.kind) {
    case "bars":
      return <BarsFigure item={item} />;
    case "curves":
      return <CurvesFigure item={item} />;
    case "areas":
      return <AreasFigure item={item} />;
    case "heatmap":
      return <HeatmapFigure item={item} />;
    case "scatter":
      return <ScatterFigure item={item} />;
    case "simplex":
      return <SimplexFigure item={item} />;
    case "sheet":
      return <SheetFigure item={item} />;
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
    <div class="prose" id={useSession().id("prose", item.id)}>
      {item.picture && <Pixels picture={item.picture} labelled />}
      <p>
        <Text text={item.text} />
      </p>
    </div>
  ),
);

const ReadoutItemList = memo(
  ({ item }: { item: Readout }): VNode => (
    <dl class="readout" id={useSession().id("readout", item.id)}>
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
