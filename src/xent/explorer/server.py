"""The local server of `xent explore`: one page, its files, and one WebSocket on which requests become pictures.

It talks to the reader's own browser and to nobody else. It binds a loopback address; it answers only requests whose
Host is an address it serves, so that a foreign page cannot reach it under a name of its own (DNS rebinding), and
whose Origin, where the browser sends one, is that very address (browsers do not hold WebSockets to the same-origin
policy); and its Content-Security-Policy keeps the page from loading or sending anything elsewhere.
"""

from __future__ import annotations

import errno
import gc
import ipaddress
import json
import mimetypes
import re
import socket
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, cast

import uvicorn
from anyio import CapacityLimiter, create_task_group, from_thread, to_thread
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from xent.explorer.answer import GoneError, answer_json, dump
from xent.explorer.pasted import LONGEST
from xent.explorer.rows import Rows

STATIC = Path(__file__).parent / "static"

LONGEST_MESSAGE = 64 * 1024 + 6 * LONGEST
"""Bytes in a request; longer ones are refused with a sentence. A full one (10 classes, 256 edits) has 30 kB, and a
reader's own rows come with it, whose characters JSON may write as six bytes each."""

LONGEST_FRAME = 2 * LONGEST_MESSAGE
"""Bytes after which the connection is closed (code 1009) instead of read."""

SLOW_THREADS = 2
"""Panels that take long are computed so many at a time; the others wait for them as little as they can."""

PROGRESS_SECONDS = 0.1

LOOPBACK = ("127.0.0.1", "localhost", "::1")

ANY_ADDRESS = "any address"
"""In ``allowed_hosts``: every literal IP address. Only a name can be rebound, so a literal one is no danger."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # keep, but ask: the ETag answers, and an upgrade is seen at once
}


_HOST = re.compile(r"([^\s:\[\]@/?#]+|\[[0-9a-f:.]+\])(:[0-9]+)?")


class ServerError(OSError):
    """The server cannot start; the message is one sentence for the reader."""


def create_app(sources: Mapping[str, Rows], *, allowed_hosts: Collection[str] = LOOPBACK) -> Starlette:
    """Build the application: ``/`` and its files, and ``/ws``.

    A text message on the socket is a `xent.explorer.view.Request`, its answer a `xent.explorer.view.Response`. A
    message that is none (not JSON, not an object, binary, over 6 MB) is answered with ``error``, one sentence, and
    the connection goes on.

    Parameters
    ----------
    sources : mapping of str to Rows
        The rows that can be loaded, by short name.
    allowed_hosts : collection of str, default: the loopback's names
        Host names and addresses to answer to, without port, IPv6 without brackets; `ANY_ADDRESS` stands for every
        literal IP address. The port is not compared, so that a forwarded port works.

    Returns
    -------
    Starlette
        An ASGI application without state.

    Examples
    --------
    >>> import anyio, httpx
    >>> async def status(host):
    ...     async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app({}))) as client:
    ...         return (await client.get(f"http://{host}/")).status_code
    >>> anyio.run(status, "localhost:8010"), anyio.run(status, "example.org")
    (200, 403)
    """
    mimetypes.add_type("text/javascript", ".js")  # Windows may say text/plain, which nosniff refuses
    mimetypes.add_type("font/woff2", ".woff2")

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        async with create_task_group() as late:
            while (message := await websocket.receive())["type"] == "websocket.receive":
                text = message.get("text")
                if text is not None and _SLOW.search(text):  # in its turn, and not in the way of the others
                    late.start_soon(_reply_slowly, websocket, text, sources)
                    continue
                with suppress(WebSocketDisconnect):  # the page went away while its answer was on the way
                    await websocket.send_text(await to_thread.run_sync(answer, text, sources))
            late.cancel_scope.cancel()

    return Starlette(
        routes=[WebSocketRoute("/ws", talk), Mount("/", StaticFiles(directory=STATIC, html=True))],
        middleware=[Middleware(_Guard, allowed_hosts=frozenset(allowed_hosts))],
        exception_handlers={HTTPException: _say_what_is_here},
    )


async def _reply_slowly(websocket: WebSocket, text: str, sources: Mapping[str, Rows]) -> None:
    """Answer a request that takes long, saying now and then how far it is."""
    last, seq = time.monotonic(), _SEQ.search(text)

    def report(done: float) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_SECONDS:
            last = time.monotonic()
            try:
                from_thread.run(websocket.send_text, dump({"seq": seq and int(seq[1]), "progress": done}))
            except (WebSocketDisconnect, RuntimeError):
                raise GoneError from None

    # A page that goes away does not wait for its thread, which ends with what it is at.
    reply = await to_thread.run_sync(answer, text, sources, report, abandon_on_cancel=True, limiter=_slow_threads())
    with suppress(WebSocketDisconnect):
        await websocket.send_text(reply)


_SLOW = re.compile(r'"slow"\s*:\s*true')
"""In a JSON text: within a string the quotation marks would be escaped."""


_SEQ = re.compile(r'"seq"\s*:\s*(\d{1,15})\b')
"""Of a request that is known to be slow; its own rows need not be read again to say how far it is."""


@cache
def _slow_threads() -> CapacityLimiter:
    return CapacityLimiter(SLOW_THREADS)


def answer(text: str | None, sources: Mapping[str, Rows], report: Callable[[float], None] | None = None) -> str:
    """Turn one message into its answer, as JSON; never raises.

    Parameters
    ----------
    text : str or None
        The message; None for a binary one.
    sources : mapping of str to Rows
        As in `create_app`.
    report : callable, optional
        As in `respond`.

    Examples
    --------
    >>> answer('{"seq": 4', {})
    '{"seq":null,"url":"","notices":[],"error":"A request is JSON; at character 9 this message is none."}'
    """
    try:
        return answer_json(_parse(text), sources, report)
    except _MessageError as error:
        return dump({"seq": None, "url": "", "notices": [], "error": str(error)})
    except GoneError:
        return ""


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Parameters
    ----------
    host : str
        A name or an address of this machine.
    port : int
        0 picks a free one; ``listen(host, 0).getsockname()[1]`` is its number.

    Returns
    -------
    socket
        Connections queue on it until `serve` takes them.

    Raises
    ------
    ServerError
        The host is unknown or not this machine's, or the port is taken or reserved.
    """
    try:
        if not host:  # the resolver would take it for every address
            raise UnicodeError
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise ServerError(f"There is no host {host!r}; 127.0.0.1 is this machine.") from None
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ServerError(_why_not(error, host, port)) from None
    return listener


def address(listener: socket.socket, host: str) -> str:
    """Give the URL under which a browser on this machine finds the page.

    Examples
    --------
    >>> with listen("127.0.0.1", 0) as listener:
    ...     address(listener, "127.0.0.1") == f"http://127.0.0.1:{listener.getsockname()[1]}/"
    True
    """
    name = "localhost" if _is_wildcard(host) else f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}/"


def hosts_of(host: str) -> frozenset[str]:
    """Give the ``allowed_hosts`` of a server that was asked to bind ``host``.

    Examples
    --------
    >>> sorted(hosts_of("127.0.0.1"))
    ['127.0.0.1', '::1', 'localhost']
    """
    if _is_wildcard(host):
        return frozenset({*LOOPBACK, ANY_ADDRESS, socket.gethostname().lower(), socket.getfqdn().lower()})
    return frozenset({*LOOPBACK, host.lower()})


def serve(
    sources: Mapping[str, Rows], listener: socket.socket, *, host: str, ready: Callable[[], None] | None = None
) -> None:
    """Serve the explorer until the process is interrupted.

    Parameters
    ----------
    sources : mapping of str to Rows
        The rows that can be loaded, by short name.
    listener : socket
        From `listen`.
    host : str
        What `listen` was given: decides which Host headers are answered.
    ready : callable, optional
        Called once, when requests are being answered.

    Raises
    ------
    KeyboardInterrupt
        After a clean shutdown by Ctrl-C.
    """
    config = uvicorn.Config(
        create_app(sources, allowed_hosts=hosts_of(host)),
        http="h11",
        loop="asyncio",
        ws="websockets-sansio",
        ws_max_size=LONGEST_FRAME,
        ws_per_message_deflate=False,  # on a loopback compressing takes longer than sending
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    sys.setswitchinterval(0.0005)  # a slow panel's thread hands over to a drag ten times sooner than by default
    gc.collect()
    gc.freeze()  # the rows and the modules stay: a collection in mid-drag need not look at them again
    _Server(config, ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn, saying when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._ready is not None:
            self._ready()


class _Guard:
    """Refuse foreign hosts and origins, and put the security headers on every response, refusals included."""

    def __init__(self, app: ASGIApp, allowed_hosts: frozenset[str]) -> None:
        self._app, self._allowed = app, allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        sentence = self._objection(Headers(scope=scope))
        if sentence is None:
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            refusal = PlainTextResponse(f"{sentence}\n", status_code=403)
            await WebSocket(scope, receive, send_with_headers).send_denial_response(refusal)
        else:
            await PlainTextResponse(f"{sentence}\n", status_code=403)(scope, receive, send_with_headers)

    def _objection(self, headers: Headers) -> str | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_ours(host):
            return f"This server answers to {self._listed()}; the request came for {_clip(host) or 'no host'!r}."
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            return (
                f"Only the page of http://{host} may talk to this server; the request came from {_clip(origin)!r}."
            )
        return None

    def _is_ours(self, host: str) -> bool:
        parts = _HOST.fullmatch(host.lower())
        name = parts.group(1).strip("[]") if parts else ""
        return name in self._allowed or (ANY_ADDRESS in self._allowed and _is_address(name))

    def _listed(self) -> str:
        return ", ".join(sorted(self._allowed))


class _MessageError(ValueError):
    """A message that is no request; the text is one sentence."""


def _parse(text: str | None) -> dict[str, Any]:
    if text is None:
        raise _MessageError("A request is a text message; a binary one came.")
    size = len(text.encode("utf-8", "replace"))
    if size > LONGEST_MESSAGE:
        raise _MessageError(f"A request has at most {LONGEST_MESSAGE} bytes; {size} came.")
    try:
        request = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _MessageError(f"A request is JSON; at character {error.pos} this message is none.") from None
    except (ValueError, RecursionError) as error:
        raise _MessageError(f"A request is JSON; this message is none ({error}).") from None
    if not isinstance(request, dict):
        raise _MessageError(f"A request is a JSON object; {_clip(text)} came.")
    return cast("dict[str, Any]", request)


def _no_constant(name: str) -> float:
    raise ValueError(f"JSON has no {name}")


async def _say_what_is_here(request: Request, error: Exception) -> PlainTextResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        return PlainTextResponse("Only GET and HEAD are answered here.\n", 405, headers={"Allow": "GET, HEAD"})
    return PlainTextResponse(f"There is nothing at {_clip(request.url.path)}; the explorer is at /.\n", status)


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken by another program; --port 0 picks a free one."
    if error.errno == errno.EACCES:
        return f"Port {port} of {host} is reserved for the system; --port 0 picks a free one."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; 127.0.0.1 is."
    return f"Port {port} of {host} cannot be opened: {error.strerror or error}."


def _is_wildcard(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _clip(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
