// Rows of data as pictures; each loads by a click.

import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { ControlList } from "./controls";
import type { Gallery, Thumb } from "./protocol";
import { memo } from "./share";
import { Frame, Press, Text } from "./text";

const LEVELS = 16;

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
              {thumb.pixels !== undefined && <Pixels thumb={thumb} />}
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

/** An image of 17 levels, a character a pixel: ink on nothing, so that the theme's paper shows through. */
const Pixels = memo(({ thumb }: { thumb: Thumb }): VNode => {
  const ref = useRef<HTMLCanvasElement>(null);
  const { pixels = "", width = 1 } = thumb;
  const height = Math.max(Math.ceil(pixels.length / width), 1);
  useLayoutEffect(() => {
    const brush = ref.current?.getContext("2d");
    if (!brush) return;
    const image = brush.createImageData(width, height);
    for (let i = 0; i < pixels.length; i++) image.data[4 * i + 3] = Math.round((parseInt(pixels[i] ?? "0", 17) / LEVELS) * 255);
    brush.putImageData(image, 0, 0);
  }, [pixels, width]);
  return <canvas class="pixels" ref={ref} width={width} height={height} aria-hidden="true" />;
});
