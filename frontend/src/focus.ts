// The focus is never lost: when the focused element goes away with an edit, the nearest place that is left takes it.

const FOCUSABLE = 'button, input, textarea, select, [tabindex="0"], summary';

export function keepFocus(root: HTMLElement): () => void {
  let trail: { element: Element; parent: Element; index: number }[] = [];

  const onFocusIn = (event: FocusEvent): void => {
    trail = [];
    for (let e = event.target as Element; e !== root && e.parentElement; e = e.parentElement) {
      trail.push({ element: e, parent: e.parentElement, index: Array.prototype.indexOf.call(e.parentElement.children, e) });
    }
  };

  const rescue = (): void => {
    const [focused] = trail;
    if (!focused || focused.element.isConnected || root.ownerDocument.activeElement !== root.ownerDocument.body) return;
    const gone = trail.filter(({ element }) => !element.isConnected).at(-1);
    trail = [];
    if (!gone || !gone.parent.isConnected) return;
    // The neighbour that moved into its place, or the one before it; the same kind of control there if it has one.
    const near = gone.parent.children[gone.index] ?? gone.parent.children[gone.index - 1] ?? gone.parent;
    const alike = near.querySelector<HTMLElement>(`.${focused.element.classList[0] ?? "none"}`);
    (near.matches(FOCUSABLE) ? (near as HTMLElement) : (alike ?? near.querySelector<HTMLElement>(FOCUSABLE)))?.focus();
  };

  const watch = new MutationObserver(rescue);
  watch.observe(root, { childList: true, subtree: true });
  root.addEventListener("focusin", onFocusIn);
  return () => {
    watch.disconnect();
    root.removeEventListener("focusin", onFocusIn);
  };
}
