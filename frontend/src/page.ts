// The page of `xent explore`: the view over a WebSocket that comes back when it was cut.

import { mount } from "./host";

const RETRY_MS = [250, 500, 1000, 2000];

mount(({ message, connected }) => {
  let failures = 0;
  let socket: WebSocket;
  let waiting: string[] = [];

  const connect = (): void => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`);
    socket.onopen = () => {
      failures = 0;
      for (const text of waiting) socket.send(text);
      waiting = [];
      connected(true);
    };
    socket.onmessage = (event: MessageEvent<string>) => message(JSON.parse(event.data));
    socket.onclose = () => {
      waiting = []; // the session sends again what was not answered
      connected(false);
      setTimeout(connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    };
  };

  connect();
  return (request) => {
    const text = JSON.stringify(request);
    if (socket.readyState === WebSocket.OPEN) socket.send(text);
    else if (socket.readyState === WebSocket.CONNECTING) waiting.push(text);
  };
});
