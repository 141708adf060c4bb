// What a host gives the view: the six methods of an anywidget front-end module's model, and the keys we use.
//   "url"        the state; read at the start, written after every answer, and watched for changes from outside
//   "connected"  false while the Python side cannot be reached (a host that cannot tell leaves it undefined)
//   "link"       the address a reader can copy, where there is one
//   "experiment" the name of the one section to show; without it, the whole article
//   "whole_page" true when the view owns the page: shortcuts then work wherever the focus is, and it sets the title
//   "css"        the view's own styles, from a host whose page must not meet them: they stay in a shadow root
//   "kept"       contents and picture as they last were, from a host that may lose its Python

export interface Model {
  get(key: "url" | "connected" | "link" | "experiment" | "whole_page" | "css" | "kept"): unknown;
  set(key: string, value: unknown): void;
  save_changes(): void;
  on(event: string, callback: (message: unknown) => void): void;
  off(event: string, callback: (message: unknown) => void): void;
  send(message: unknown): void;
}
