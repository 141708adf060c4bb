"""The server, as a browser, a foreign page and a broken client meet it: over real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from xent.explorer import answer as answering
from xent.explorer import engine, pasted, server
from xent.explorer.rows import demo

POLICY = "default-src 'self'"
# One for all, as making its TLS context takes longer than the requests; nothing is kept open between them.
http = httpx.Client(timeout=20, limits=httpx.Limits(max_keepalive_connections=0))


@pytest.fixture
def socket_to(address: str) -> Iterator[ClientConnection]:
    with connect(ws(address), origin=address.rstrip("/"), compression=None) as connection:  # type: ignore[arg-type]
        yield connection


def ws(address: str) -> str:
    return address.replace("http://", "ws://") + "ws"


def talk(connection: ClientConnection, message: Any) -> dict[str, Any]:
    connection.send(message if isinstance(message, str | bytes) else json.dumps(message))
    return json.loads(connection.recv(timeout=20))


def works(connection: ClientConnection) -> bool:
    answer = talk(connection, {"seq": 41, "url": "x=logits&v=1&z=2,1,0.1", "actions": []})
    return answer["seq"] == 41 and "view" in answer and "error" not in answer


def test_the_socket_gives_the_engines_answer(socket_to: ClientConnection) -> None:
    for url in ("", "x=logits&v=1&z=2,1,0.1&y=1", "x=logits&v=1&z=0,-inf"):
        request = {"seq": 5, "url": url, "actions": [{"do": "pick", "value": 0}]}
        assert talk(socket_to, request) == json.loads(json.dumps(engine.respond(request, demo())))


def test_many_pages_at_once_get_their_own_answers(address: str) -> None:
    def page(number: int) -> list[str]:
        with connect(ws(address)) as connection:
            requests = [{"seq": i, "url": f"x=logits&v=1&z={number},{i},0", "actions": []} for i in range(5)]
            return [talk(connection, request)["url"] for request in requests]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(page, range(1, 9)))
    for number, urls in enumerate(answers, start=1):
        assert [url.split("z=")[1].split("&")[0] for url in urls] == [f"{number},{i},0" for i in range(5)]


DEEP = "[" * 60_000
LONGEST = server.LONGEST_MESSAGE


@pytest.mark.parametrize(
    ("message", "sentence", "seq"),
    [
        ("", "A request is JSON; at character 0 this message is none.", None),
        ('{"seq": 1', "A request is JSON; at character 9 this message is none.", None),
        (DEEP, "A request is JSON; this message is none", None),
        ('{"seq": 1, "url": "", "actions": [NaN]}', "JSON has no NaN", None),
        ('{"seq": ' + "9" * 5000 + "}", "A request is JSON; this message is none", None),
        ("[1, 2]", "A request is a JSON object; [1, 2] came.", None),
        ('"x"', 'A request is a JSON object; "x" came.', None),
        (b'{"seq": 1}', "A request is a text message; a binary one came.", None),
        pytest.param("x" * (LONGEST + 1), f"at most {LONGEST} bytes; {LONGEST + 1} came.", None, id="too long"),
        pytest.param("∞" * (LONGEST // 2), f"{LONGEST} bytes; {LONGEST // 2 * 3} came.", None, id="too many bytes"),
        ("{}", "a whole number 'seq'", -1),
        ({"seq": "1", "url": ""}, "a whole number 'seq'", -1),
        ({"seq": 7, "url": 5}, "a text 'url'", 7),
        ({"seq": 7, "url": "", "actions": "step"}, "'actions' is a list", 7),
        ({"seq": 7, "url": "", "actions": [{}] * 257}, "At most 256 actions", 7),
        ({"seq": 7, "url": "", "actions": [{"do": "\ud800"}]}, "no action", 7),
        ('{"seq": 7, "url": "", "actions": [{"do": "set", "path": "rate", "value": 1e999}]}', "", 7),
    ],
)
def test_a_malformed_message_gets_a_sentence_and_the_page_goes_on(
    socket_to: ClientConnection, message: Any, sentence: str, seq: int | None
) -> None:
    answer = talk(socket_to, message)
    assert sentence in answer.get("error", "")
    assert answer["seq"] == seq
    assert isinstance(answer["url"], str)
    assert isinstance(answer["notices"], list)
    assert works(socket_to)


def test_a_message_of_the_longest_length_is_read(socket_to: ClientConnection) -> None:
    text = '{"seq": 3, "url": "x=logits&v=1", "actions": []}'
    assert talk(socket_to, text + " " * (LONGEST - len(text)))["seq"] == 3


@pytest.mark.parametrize("fill", [";", "\0", "∞"], ids=["rows", "zeros", "signs"])
def test_the_longest_rows_that_are_read_fit_into_a_message(socket_to: ClientConnection, fill: str) -> None:
    """However JSON writes their characters; they are read, or refused with a sentence of their own."""
    own = {"name": "n.csv", "text": "2,1,0;" + fill * (pasted.LONGEST - 6), "form": "logits"}
    request = json.dumps({"seq": 4, "url": "x=logits&v=1", "actions": [{"do": "own"}], "own": own})
    answer = talk(socket_to, request)
    assert answer["seq"] == 4
    assert ("own" in answer) == (fill == ";")
    assert answer.get("error", "").startswith({";": "", "\0": "This is no text", "∞": "Row 1 "}[fill])


def test_a_flood_closes_its_own_connection_only(address: str, socket_to: ClientConnection) -> None:
    with connect(ws(address), compression=None) as flooder:
        with pytest.raises(ConnectionClosedError) as closed:
            talk(flooder, "x" * (2 * server.LONGEST_FRAME))
        # The server hangs up on what is still being sent: its reason may be lost on the way, another may not come.
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    assert works(socket_to)


@pytest.mark.parametrize("path", ["", "view.js", "view.css", "fonts/text.woff2", "nothing/here"])
def test_every_response_carries_the_security_headers(address: str, path: str) -> None:
    for response in (
        http.get(address + path),
        http.get(address + path, headers={"Host": "example.org"}),
        http.post(address + path),
    ):
        directives = response.headers["content-security-policy"].split("; ")
        assert directives[0] == POLICY
        assert {"object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(directives)
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cross-origin-opener-policy"] == "same-origin"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert response.headers["cache-control"] == "no-cache"
        assert "server" not in response.headers


def test_the_files_have_their_types_and_are_not_sent_twice(address: str) -> None:
    kinds = {
        "": "text/html",
        "view.js": "text/javascript",
        "view.css": "text/css",
        "fonts/text.woff2": "font/woff2",
    }
    for path, kind in kinds.items():
        first = http.get(address + path)
        assert first.status_code == 200
        assert first.headers["content-type"].split(";")[0] == kind
        again = http.get(address + path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        assert again.content == b""
        assert http.get(address + path, headers={"If-None-Match": '"another"'}).status_code == 200
        assert http.head(address + path).status_code == 200


def test_what_is_not_there_is_said_shortly(address: str) -> None:
    for path in ("nothing", "fonts", "../server.py", "%2e%2e/server.py", "..%2fengine.py", "ws"):
        response = http.get(f"{address}{path}", follow_redirects=True)
        assert response.status_code == 404
        assert response.headers["content-type"].startswith("text/plain")
        assert "the explorer is at /" in response.text
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        response = http.request(method, address)
        assert response.status_code == 405
        assert response.text == "Only GET and HEAD are answered here.\n"
        assert response.headers["allow"] == "GET, HEAD"


def port_of(address: str) -> int:
    return int(address.rstrip("/").rsplit(":", 1)[1])


FOREIGN = [
    "example.org",
    "example.org:{port}",
    "127.0.0.1.example.org",
    "localhost.example.org:{port}",
    "10.0.0.1",
    "[::2]",
]
FOREIGN += [
    "",
    "a@127.0.0.1",
    "127.0.0.1:{port}/",
    "127.0.0.1:port",
    "[::1",
    "lo\u00adcalhost".encode().decode("latin-1"),
]


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_host_is_refused(address: str, host: str) -> None:
    host = host.format(port=port_of(address))
    response = http.get(address, headers={"Host": host.encode("latin-1")})
    assert response.status_code == 403
    assert response.text.startswith("This server answers to 127.0.0.1, ::1, localhost; the request came for ")


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1", "LOCALHOST:9", "[::1]:{port}"])
def test_the_machines_own_names_are_served_also_through_a_forwarded_port(address: str, host: str) -> None:
    host = host.format(port=port_of(address))
    assert http.get(address, headers={"Host": host}).status_code == 200
    assert http.get(address, headers={"Host": host, "Origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://example.org", "null", "http://127.0.0.1:1", "http://localhost:{port}", "", "file://"]
)
def test_a_foreign_origin_is_refused(address: str, origin: str) -> None:
    origin = origin.format(port=port_of(address))
    response = http.get(address, headers={"Origin": origin})
    assert response.status_code == 403
    assert (
        response.text
        == f"Only the page of {address[:-1]} may talk to this server; the request came from {origin!r}.\n"
    )


@pytest.mark.parametrize("origin", ["http://example.org", "null", "http://127.0.0.1:1"])
def test_a_foreign_page_gets_no_socket(address: str, origin: Any) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(ws(address), origin=origin):
        pass
    assert_refused(refused.value, f"the request came from {origin!r}.")


@pytest.mark.parametrize("name", ["example.org", "example.org:80", "10.0.0.1"])
def test_a_name_that_was_rebound_gets_no_socket(address: str, name: str) -> None:
    raw = socket.create_connection(("127.0.0.1", port_of(address)))
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://{name}/ws", sock=raw):
        pass
    assert_refused(refused.value, f"the request came for {name.removesuffix(':80')!r}.")


def assert_refused(refused: InvalidStatus, sentence: str) -> None:
    assert refused.response.status_code == 403
    assert sentence in refused.response.body.decode()
    assert refused.response.headers["content-security-policy"].startswith(POLICY)


def test_a_request_without_a_host_is_refused(address: str) -> None:
    with socket.create_connection(("127.0.0.1", port_of(address)), timeout=10) as raw:
        raw.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 403 " in raw.recv(4096).split(b"\r\n")[0] + b" "


@pytest.fixture
def serve_here() -> Iterator[Any]:
    """Serve an application in a thread of this process, so that a test can take part in it."""
    import uvicorn

    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(app: Starlette) -> str:
        listener = server.listen("127.0.0.1", 0)
        config = uvicorn.Config(app, ws="websockets-sansio", lifespan="off", log_config=None, log_level="error")
        instance = uvicorn.Server(config)
        thread = threading.Thread(target=instance.run, kwargs={"sockets": [listener]})
        thread.start()
        running.append((instance, thread))
        return server.address(listener, "127.0.0.1")

    yield start
    for instance, thread in running:
        instance.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_a_failure_of_python_gets_a_sentence_and_a_traceback_and_the_page_goes_on(
    serve_here: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(request: Mapping[str, Any], _: Any, **__: Any) -> Any:
        return {"seq": 1, "value": float("nan")} if request["url"] == "nan" else 1 // 0

    address = serve_here(server.create_app({}))
    with connect(ws(address)) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(answering, "respond", fails)
            answer = talk(connection, {"seq": 9, "url": "x=1", "actions": []})
            assert answer == {
                "seq": 9,
                "url": "x=1",
                "notices": [],
                "error": "Python failed on this request (ZeroDivisionError); its log says where.",
            }
            assert "ZeroDivisionError" in capsys.readouterr().err
            assert "(ValueError)" in talk(connection, {"seq": 9, "url": "nan"})["error"]
        assert works(connection)


def test_a_slow_answer_holds_up_nobody_else(serve_here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def slow(request: Mapping[str, Any], sources: Any, **_: Any) -> Any:
        if request["url"] == "slow":
            assert release.wait(20)
        return engine.respond(request, sources)

    monkeypatch.setattr(answering, "respond", slow)
    address = serve_here(server.create_app({}))
    with connect(ws(address)) as first, connect(ws(address)) as second:
        first.send(json.dumps({"seq": 1, "url": "slow", "actions": []}))
        time.sleep(0.05)
        assert works(second)
        release.set()
        assert json.loads(first.recv(timeout=20))["seq"] == 1


def test_a_slow_panel_holds_up_nothing_on_its_own_connection_and_tells_how_far_it_is(
    serve_here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell, release = threading.Event(), threading.Event()

    def respond(request: Mapping[str, Any], sources: Any, *, report: Any = None) -> Any:
        if request.get("slow"):
            assert tell.wait(20)
            time.sleep(server.PROGRESS_SECONDS * 1.5)
            report(0.25)
            assert release.wait(20)
        return engine.respond(request, sources)

    monkeypatch.setattr(answering, "respond", respond)
    address = serve_here(server.create_app({}))
    with connect(ws(address)) as connection:
        slow = {"seq": 1, "url": "x=logits&v=1", "actions": [], "only": ["row"], "slow": True}
        connection.send(json.dumps(slow, separators=(",", ":")))
        assert works(connection)
        tell.set()
        assert json.loads(connection.recv(timeout=20)) == {"seq": 1, "progress": 0.25}
        assert works(connection)
        release.set()
        assert json.loads(connection.recv(timeout=20))["view"]["panels"][0]["id"] == "row"


def test_a_page_that_goes_away_in_the_middle_of_a_slow_panel_is_forgotten(
    serve_here: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()

    def respond(request: Mapping[str, Any], sources: Any, *, report: Any = None) -> Any:
        if request.get("slow"):
            begun.set()
            assert release.wait(20)
            try:
                report(0.5)
            finally:
                ended.set()
        return engine.respond(request, sources)

    monkeypatch.setattr(answering, "respond", respond)
    monkeypatch.setattr(server, "PROGRESS_SECONDS", 0.0)
    address = serve_here(server.create_app({}))
    with connect(ws(address)) as leaving:
        leaving.send('{"seq":1,"url":"x=logits&v=1","actions":[],"slow":true}')
        assert begun.wait(20)
    with connect(ws(address)) as other:
        assert works(other)
        release.set()
        assert ended.wait(20)
        assert works(other)
        assert capsys.readouterr().err == ""


def test_a_wildcard_address_serves_any_literal_address_and_no_foreign_name(serve_here: Any) -> None:
    address = serve_here(server.create_app({}, allowed_hosts=server.hosts_of("0.0.0.0")))  # noqa: S104
    for host, status in [
        ("10.0.0.1:80", 200),
        ("[fe80::1]", 200),
        (socket.gethostname(), 200),
        ("example.org", 403),
    ]:
        assert http.get(address, headers={"Host": host}).status_code == status


def test_a_port_is_taken_once_and_free_ones_are_found() -> None:
    with server.listen("127.0.0.1", 0) as one, server.listen("127.0.0.1", 0) as other:
        taken = one.getsockname()[1]
        assert taken != other.getsockname()[1]
        with pytest.raises(server.ServerError, match=f"Port {taken} of 127.0.0.1 is taken"):
            server.listen("127.0.0.1", taken)


def test_the_page_files_are_in_the_package() -> None:
    assert (Path(server.__file__).parent / "static" / "index.html").is_file()
