"""The embedder: newest first, in windows, and stopped at any moment without loss."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from assistant.actors.embedder import WINDOW, Embedder
from assistant.contracts.errors import DamagedModel
from assistant.contracts.events import EmbeddingFinished, EmbeddingStarted, Event, VectorsStored
from assistant.memory.checking import check
from assistant.memory.fabric import Fabric
from assistant.testing.clock import FakeClock
from memory.world import ROOT, CountingEncoder, opened, update_of

ITEMS = 4 * WINDOW + 10


class OrderedEncoder(CountingEncoder):
    """Tells the order of its calls; does ``then`` when it has been called ``calls`` times."""

    def __init__(self) -> None:
        super().__init__(8)
        self.windows: list[list[str]] = []
        self.calls = 0
        self.stop: threading.Event | None = None
        self.error: Exception | None = None

    def encode(self, texts: Sequence[str], **more: object):  # type: ignore[no-untyped-def]
        self.windows.append(list(texts))
        if len(self.windows) == self.calls:
            if self.stop is not None:
                self.stop.set()
            if self.error is not None:
                raise self.error
        return super().encode(texts)


@pytest.fixture
def encoder() -> OrderedEncoder:
    return OrderedEncoder()


@pytest.fixture
def fabric(tmp_path: Path, encoder: OrderedEncoder) -> Iterator[Fabric]:
    fabric = opened(tmp_path / "store", encoder)
    fabric.add_root(ROOT, "2026-01-01")
    fabric.remember(
        [update_of(f"/r/{number}.txt", f"text {number}", mtime_s=1_000_000 + number) for number in range(ITEMS)]
    )
    yield fabric
    assert check(fabric).findings == ()
    fabric.close()


def embed(fabric: Fabric, encoder: OrderedEncoder, told: list[Event] | None = None) -> EmbeddingFinished:
    events = [] if told is None else told
    return Embedder(fabric, encoder, FakeClock(), events.append, encoder.stop or threading.Event()).run()


def pending(fabric: Fabric) -> int:
    return fabric.records.fetch(lambda view: view.count_pending(fabric.space.fingerprint))


def test_everything_gets_its_vector_once_newest_first(fabric: Fabric, encoder: OrderedEncoder) -> None:
    told: list[Event] = []
    result = embed(fabric, encoder, told)
    order = [text for window in encoder.windows for text in window]
    assert order == [f"text {number}" for number in reversed(range(ITEMS))]
    assert (result.done, result.pending, pending(fabric), len(fabric.vectors)) == (ITEMS, ITEMS, 0, ITEMS)
    assert told[0] == EmbeddingStarted(ITEMS)
    assert [event.done for event in told if isinstance(event, VectorsStored)] == [WINDOW * n for n in (1, 2, 3, 4)] + [
        ITEMS
    ]


def test_stopped_in_the_middle_it_goes_on_where_it_was(fabric: Fabric, encoder: OrderedEncoder) -> None:
    encoder.calls, encoder.stop = 2, threading.Event()
    result = embed(fabric, encoder)
    assert (result.done, result.pending, pending(fabric)) == (2 * WINDOW, ITEMS, ITEMS - 2 * WINDOW)
    encoder.stop = None
    assert embed(fabric, encoder).done == ITEMS - 2 * WINDOW
    assert set(encoder.texts.values()) == {1}
    assert pending(fabric) == 0


def test_stopped_before_it_began(fabric: Fabric, encoder: OrderedEncoder) -> None:
    encoder.stop = threading.Event()
    encoder.stop.set()
    assert embed(fabric, encoder).done == 0
    assert encoder.windows == []


def test_an_error_of_the_encoder_comes_out_and_what_was_stored_stays(fabric: Fabric, encoder: OrderedEncoder) -> None:
    encoder.calls, encoder.error = 3, DamagedModel("The model is damaged.")
    with pytest.raises(DamagedModel):
        embed(fabric, encoder)
    assert pending(fabric) == ITEMS - 2 * WINDOW
    assert not [thread for thread in threading.enumerate() if thread.name == "embedder"]


def test_nothing_to_do_asks_no_encoder(fabric: Fabric, encoder: OrderedEncoder) -> None:
    embed(fabric, encoder)
    encoder.windows.clear()
    assert embed(fabric, encoder).pending == 0
    assert encoder.windows == []


def test_a_piece_that_is_edited_meanwhile_is_embedded_the_next_time(fabric: Fabric, encoder: OrderedEncoder) -> None:
    edited = False

    def edit(event: Event) -> None:
        nonlocal edited
        if isinstance(event, VectorsStored) and not edited:
            edited = True
            fabric.remember([update_of("/r/0.txt", "another text")])

    Embedder(fabric, encoder, FakeClock(), edit, threading.Event()).run()
    assert pending(fabric) == 1
    assert embed(fabric, encoder).done == 1
    assert encoder.windows[-1] == ["another text"]
