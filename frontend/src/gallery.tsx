// Rows of data as pictures; each loads by a click.

import type { VNode } from "preact";
import { ControlList } from "./controls";
import { Pixels } from "./pixels";
import type { Gallery } from "./protocol";
import { memo } from "./share";
import { Frame, Press, Text } from "./text";

export const GalleryFigure = memo(({ item }: { item: Gallery }): VNode => {
  return (
    <Frame id={item.id} kind="gallery" title={item.title} caption={item.caption}>
      <ControlList items={item.controls} />
      <ul class="thumbs">
        {item.thumbs.map((thumb) => (
          <li key={thumb.title}>
            <Press
              act={thumb.act}
              class={`thumb ${thumb.picked ? "picked" : ""} ${thumb.wrong ? "wrong" : ""}`}
              pressed={thumb.picked}
            >
              <span class="hidden">{`${thumb.title}${thumb.wrong ? ", a mistake" : ""}. `}</span>
              {thumb.picture && <Pixels picture={thumb.picture} />}
              {thumb.lines.map((line, i) => (
                <span class="thumb-line" key={i}>
                  <Text text={[line]} />
                </span>
              ))}
            </Press>
          </li>
        ))}
      </ul>
    </Frame>
  );
});
