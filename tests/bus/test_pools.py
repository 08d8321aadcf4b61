"""Pools of threads, and who goes first."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time

import pytest

from assistant.bus.pools import Foreground, Pool
from assistant.contracts.errors import TooBusy
from bus.loops import run, stopped_within, until

TURN: contextvars.ContextVar[str] = contextvars.ContextVar("TURN", default="none")


def test_work_is_done_on_its_threads_in_the_callers_context() -> None:
    async def story() -> tuple[str, str]:
        pool = Pool("files", 1)
        TURN.set("mine")
        found = await pool.run(lambda: (threading.current_thread().name, TURN.get()))
        assert pool.statistics().done == 1
        pool.close()
        return found

    name, turn = run(story())
    assert name.startswith("files")
    assert turn == "mine"


def test_errors_come_back() -> None:
    async def story() -> None:
        pool = Pool("files", 1)
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 // 0)
        pool.close()

    run(story())


def test_too_much_work_is_refused_and_counted() -> None:
    async def story() -> None:
        pool, go = Pool("files", 1, most_waiting=2), threading.Event()
        work = [asyncio.create_task(pool.run(lambda: stopped_within(go, 20))) for _ in range(3)]
        await until(lambda: pool.statistics().busy == 1)
        assert pool.statistics().waiting == 2
        with pytest.raises(TooBusy, match="files"):
            await pool.run(lambda: None)
        go.set()
        assert await asyncio.gather(*work) == [True] * 3
        assert (pool.statistics().refused, pool.statistics().done) == (1, 3)
        pool.close()

    run(story())


def test_one_pool_that_is_stuck_does_not_starve_another() -> None:
    async def story() -> None:
        stuck, other, go = Pool("embed", 1), Pool("rank", 1), threading.Event()
        waiting = asyncio.create_task(stuck.run(lambda: stopped_within(go, 20)))
        assert await other.run(lambda: 5) == 5
        go.set()
        await waiting
        stuck.close()
        other.close()

    run(story())


def test_cancelling_tells_the_work_to_stop_and_waits_for_its_end() -> None:
    ended = threading.Event()

    async def story() -> None:
        pool, stop = Pool("files", 1), threading.Event()

        def work() -> None:
            stopped_within(stop, 20)
            ended.set()

        task = asyncio.create_task(pool.run(work, stop))
        await until(lambda: pool.statistics().busy == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()
        pool.close()

    run(story())


def test_cancelled_before_it_began_it_is_never_done() -> None:
    done: list[int] = []

    async def story() -> None:
        pool, go, stop = Pool("files", 1), threading.Event(), threading.Event()
        first = asyncio.create_task(pool.run(lambda: stopped_within(go, 20)))
        await until(lambda: pool.statistics().busy == 1)
        second = asyncio.create_task(pool.run(lambda: done.append(1), stop))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        go.set()
        await first
        assert pool.statistics().waiting == 0
        pool.close()

    run(story())
    assert done == []


def test_the_background_gives_way_while_somebody_waits_and_no_longer() -> None:
    foreground = Foreground()
    assert not foreground.give_way(5)
    gave = list[bool]()
    with foreground:
        background = threading.Thread(target=lambda: gave.append(foreground.give_way(20)))
        background.start()
        time.sleep(0.02)
        assert background.is_alive()
        assert foreground.waiting == 1
    background.join(20)
    assert gave == [True]


def test_the_background_gets_on_although_people_never_stop_asking() -> None:
    foreground = Foreground()
    gave = list[bool]()
    with foreground:
        background = threading.Thread(target=lambda: gave.append(foreground.give_way(0.01)))
        background.start()
        background.join(20)
    assert gave == [True]


def test_what_a_person_waits_for_gives_way_to_nobody() -> None:
    foreground = Foreground()

    async def story() -> bool:
        pool = Pool("files", 1)
        with foreground:
            found = await pool.run(lambda: foreground.give_way(20))
        pool.close()
        return found

    with foreground:  # somebody else waits, too
        assert run(story()) is False


def test_it_is_known_when_somebody_asked_last() -> None:
    now = [10.0]
    foreground = Foreground(lambda: now[0])
    assert foreground.asked_ago_s(10) is None
    with foreground:
        assert foreground.asked_ago_s(12) == 0
    assert foreground.asked_ago_s(13) == 3
