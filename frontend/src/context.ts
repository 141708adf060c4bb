// How components reach the session, and what they share: highlighting, colours, sizes, plain words.

import { useComputed, useSignal, type ReadonlySignal } from "@preact/signals";
import { createContext, h, type ComponentChildren, type RefObject, type VNode } from "preact";
import { useContext, useLayoutEffect } from "preact/hooks";
import type { Inline } from "./protocol";
import type { Session } from "./session";
import type { Wire } from "./wire";

export const SessionContext = createContext<Session | null>(null);
export const WireContext = createContext<Wire | null>(null);

export function useWire(): Wire {
  const wire = useContext(WireContext);
  if (!wire) throw new Error("A component was drawn outside the view.");
  return wire;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("A component was drawn outside the view.");
  return session;
}

/** "class:3" → the CSS class that carries palette entry 3. */
export function hue(ref: string | undefined): string {
  return ref?.startsWith("class:") ? `c${Number(ref.slice(6)) % 10}` : "";
}

interface LitProps {
  tag?: string;
  about: string | undefined;
  class?: string;
  children?: ComponentChildren;
  [attribute: string]: unknown;
}

/** An element about something: coloured by it, and highlighted with everything else about the same thing. */
export function Lit({ tag = "span", about, class: own = "", children, ...rest }: LitProps): VNode {
  const { lit } = useSession();
  const on = useComputed(() => about !== undefined && lit.value === about);
  const names = [own, hue(about), on.value ? "on" : ""].filter(Boolean).join(" ");
  const props: Record<string, unknown> = { ...rest, class: names || undefined, "data-ref": about };
  return h(tag, props, children);
}

/** Running text without its weights, for accessible names. */
export function plain(text: Inline[]): string {
  return text.map((piece) => (typeof piece === "string" ? piece : piece.text)).join("");
}

/** How much an element is enlarged on the screen: pointers and boxes are measured there, drawings are not. */
export function zoomOf(element: HTMLElement): number {
  return element.getBoundingClientRect().width / element.offsetWidth || 1;
}

/** The width of an element in CSS pixels, kept up to date; 0 until it is known. */
export function useWidth(ref: RefObject<Element | null>): ReadonlySignal<number> {
  const width = useSignal(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    width.value = element.clientWidth;
    const watch = new ResizeObserver(([entry]) => {
      if (entry) width.value = Math.round(entry.contentRect.width);
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return width;
}

/** Tell when an element comes within a margin of the screen, and when it leaves. */
export function useSeen(ref: RefObject<Element | null>, tell: (visible: boolean) => void, rootMargin = "100px"): void {
  useLayoutEffect(() => {
    if (!ref.current) return;
    const watch = new IntersectionObserver((entries) => tell(entries.at(-1)?.isIntersecting ?? true), { rootMargin });
    watch.observe(ref.current);
    return () => {
      watch.disconnect();
      tell(false);
    };
  }, []);
}
