"""Where clients are answered: what one of them asks hurts no other, and no bed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from monitor import link
from monitor.desk import Desk
from monitor.link import Acknowledge, Hello, Pull, Refused, Update, Welcome


def an_update(*, ward: bytes = b"", done: bool = False) -> Update:
    """Return an answer to a pull."""
    return Update(ward, [], 0, 0, None, "ready", done, 0, 0.0)


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[[], "zmq.Socket[bytes]"]]:
    """Yield a function that connects another client."""
    clients: list[zmq.Socket[bytes]] = []

    def connected() -> "zmq.Socket[bytes]":
        client: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        client.setsockopt(zmq.RCVHWM, 1)
        client.connect(link.endpoint(tmp_path, "desk"))
        clients.append(client)
        return client

    yield connected
    for client in clients:
        client.close(0)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[Callable[[link.Request], link.Answer | None]], Desk]]:
    """Yield a function that opens a desk."""
    desks: list[Desk] = []

    def desk(serve: Callable[[link.Request], link.Answer | None]) -> Desk:
        desks.append(Desk(link.endpoint(tmp_path, "desk"), serve=serve))
        return desks[-1]

    yield desk
    for one in desks:
        one.socket.close(0)


Connect = Callable[[], "zmq.Socket[bytes]"]
Opened = Callable[[Callable[[link.Request], link.Answer | None]], Desk]


def asked(desk: Desk, client: "zmq.Socket[bytes]", *bodies: bytes) -> None:
    """Send requests, and let the desk take its turn once the first is there."""
    for body in bodies:
        client.send(body)
    assert desk.socket.poll(2000)
    desk.turn()


def answers(client: "zmq.Socket[bytes]", patience_ms: int = 2000) -> Iterator[link.Answer]:
    """Yield what a client is answered."""
    while client.poll(patience_ms):
        yield link.decoded(client.recv())


def test_a_request_that_fails_is_refused_and_the_next_is_served(connect: Connect, opened: Opened) -> None:
    """Law 8: a fault in one answer, or in its encoding, ends nothing; whoever asked is told."""

    def serve(request: link.Request) -> link.Answer | None:
        if isinstance(request, Pull):
            if request.after == 1:
                raise OverflowError("cannot convert float infinity to integer")
            return Update(b"", [], 1 << 70, 0, None, "ready", False, 0, 0.0)  # encodes to nothing
        return Welcome(name="ward")

    desk, client = opened(serve), connect()
    for after, why in ((1, "OverflowError: cannot convert"), (2, "OverflowError")):
        asked(desk, client, link.encoded(Pull(after=after)))
        refused = next(answers(client))
        assert isinstance(refused, Refused)
        assert refused.pull
        assert f"the monitor could not do this: {why}" in refused.text
    asked(desk, client, link.encoded(Hello()))
    assert Welcome(name="ward") == next(answers(client))
    assert not desk.done


def test_what_is_no_request_is_refused_and_the_next_is_served(connect: Connect, opened: Opened) -> None:
    """Nobody waits for an answer that never comes, and what is out of range reaches nobody."""
    heard: list[link.Request] = []

    def serve(request: link.Request) -> None:
        heard.append(request)

    desk, client = opened(serve), connect()
    for body in (b"\xc1", link.encoded(Pull(after=0, seconds=float("inf")))):
        asked(desk, client, body)
        refused = next(answers(client))
        assert isinstance(refused, Refused)
        assert refused.text.startswith("request: ")
    asked(desk, client, link.encoded(Acknowledge()))
    assert [Acknowledge()] == heard


def test_pulls_that_wait_together_have_one_answer_for_each_client(connect: Connect, opened: Opened) -> None:
    """A client that asks many times at once costs no more than one that asks once: the last counts."""
    served: list[link.Request] = []

    def serve(request: link.Request) -> link.Answer:
        served.append(request)
        return an_update(done=True)

    desk, client = opened(serve), connect()
    for after in range(50):
        client.send(link.encoded(Pull(after=after)))
    client.send(link.encoded(Hello()))
    n_turns = 0
    while Hello() not in served:
        assert desk.socket.poll(2000)
        desk.turn()
        n_turns += 1
    assert len(served) <= n_turns + 1
    assert Pull(after=49) in served
    assert desk.done


def test_answers_that_nobody_reads_do_not_fill_the_memory(connect: Connect, opened: Opened) -> None:
    """Law 5: a few are kept, the rest is dropped; once it reads, that client is served again."""
    served: list[int] = []

    def serve(request: link.Request) -> link.Answer:
        assert isinstance(request, Pull)
        served.append(request.after)
        return an_update(ward=bytes(2**20))

    desk, client = opened(serve), connect()
    for after in range(100):
        asked(desk, client, link.encoded(Pull(after=after)))
    assert 100 == len(served)
    assert 1 <= len(list(answers(client, 300))) < 20
    asked(desk, client, link.encoded(Pull(after=100)))
    assert isinstance(next(answers(client)), Update)
