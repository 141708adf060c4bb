// Keep what has not changed: a new view model is rebuilt with the old one's objects wherever they are deeply equal,
// so that a component whose props are the same objects need not be drawn again.

import { Component, createElement, type ComponentChild, type FunctionComponent } from "preact";

type Obj = Record<string, unknown>;

export function share<T>(old: unknown, now: T): T {
  if (Object.is(old, now) || typeof now !== "object" || now === null) return now;
  if (typeof old !== "object" || old === null || Array.isArray(old) !== Array.isArray(now)) return now;
  const keys = Object.keys(now);
  let same = keys.length === Object.keys(old).length;
  for (const key of keys) {
    const kept = share((old as Obj)[key], (now as Obj)[key]);
    (now as Obj)[key] = kept;
    same &&= Object.is(kept, (old as Obj)[key]) && key in old;
  }
  return same ? (old as T) : now;
}

/** A component that is drawn again only when one of its props is another object. */
export function memo<P extends object>(inner: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const keys = Object.keys(next) as (keyof P)[];
      return keys.length !== Object.keys(this.props).length || keys.some((k) => next[k] !== this.props[k as never]);
    }
    render(): ComponentChild {
      return createElement(inner, this.props as P);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
