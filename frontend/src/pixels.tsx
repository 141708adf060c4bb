// A small picture out of characters.

import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Picture } from "./protocol";
import { memo } from "./share";

const LEVELS = 16;

/** An image of 17 levels, a character a pixel: ink on nothing, so that the theme's paper shows through. */
export const Pixels = memo(({ picture, labelled = false }: { picture: Picture; labelled?: boolean }): VNode => {
  const ref = useRef<HTMLCanvasElement>(null);
  const { pixels, width } = picture;
  const height = Math.max(Math.ceil(pixels.length / width), 1);
  useLayoutEffect(() => {
    const brush = ref.current?.getContext("2d");
    if (!brush) return;
    const image = brush.createImageData(width, height);
    for (let i = 0; i < pixels.length; i++) image.data[4 * i + 3] = Math.round((parseInt(pixels[i] ?? "0", 17) / LEVELS) * 255);
    brush.putImageData(image, 0, 0);
  }, [pixels, width]);
  const words = labelled ? { role: "img" as const, "aria-label": picture.label } : { "aria-hidden": true as const };
  return <canvas class="pixels" ref={ref} width={width} height={height} {...words} />;
});
