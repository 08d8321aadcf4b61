"""The bus and its actors: the failure matrix, line by line."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from assistant.bus.actor import ActorLimits
from assistant.bus.envelope import HANDLED
from assistant.contracts.commands import AddFolders, Ask, RunTask
from assistant.contracts.errors import BadQuestion, ProcessFailed, Resting, StorageFailed, TooBusy, TookTooLong
from assistant.contracts.events import ActorFailed, Event, FolderScanned, Mended, VectorsStored
from assistant.core.breaking import BreakerLimits
from bus.loops import House, Scripted, add, ask, run, task, until


async def echo(letter: Any) -> Any:
    return letter.envelope.message


async def fail(letter: Any) -> Any:
    raise StorageFailed("the disk is full")


def test_a_command_reaches_its_one_handler_and_its_reply_comes_back() -> None:
    async def story() -> None:
        house = House()
        first, second = Scripted(echo, "first"), Scripted(echo, "second")
        house.bus.register(first, (Ask,))
        house.bus.register(second, (AddFolders,))
        async with house.supervisor:
            assert await house.bus.ask(ask("one")) == ask("one")
            assert await house.bus.ask(add("/b")) == add("/b")
        assert first.heard == [ask("one")]
        assert second.heard == [add("/b")]
        assert (first.started, first.stopped) == (1, 1)

    run(story())


def test_a_command_with_two_handlers_or_none_is_a_mistake() -> None:
    async def story() -> None:
        house = House()
        house.bus.register(Scripted(echo, "first"), (Ask,))
        with pytest.raises(ValueError, match="has a handler"):
            house.bus.register(Scripted(echo, "second"), (Ask,))
        with pytest.raises(ValueError, match="two actors"):
            house.bus.register(Scripted(echo, "first"), (AddFolders,))
        with pytest.raises(LookupError, match="nobody handles"):
            await house.bus.ask(task())

    run(story())


def test_an_error_of_a_command_reaches_whoever_asked_and_the_actor_goes_on() -> None:
    async def story() -> None:
        house = House()
        actor = Scripted(fail)
        house.bus.register(actor, (Ask,))
        async with house.supervisor:
            for _ in range(2):
                with pytest.raises(StorageFailed, match="disk is full"):
                    await house.bus.ask(ask())
            actor.script = echo
            assert await house.bus.ask(ask()) == ask()
        assert len(actor.failures) == 2
        assert actor.started == 1
        status = house.supervisor.statistics()[0]
        assert (status.handled, status.failed, status.restarts) == (3, 2, 0)
        assert "disk is full" in status.reason

    run(story())


def test_a_bug_reaches_whoever_asked_and_nobody_else() -> None:
    async def bug(letter: Any) -> Any:
        raise ZeroDivisionError("oh")

    async def story() -> None:
        house = House()
        house.bus.register(Scripted(bug), (Ask,))
        async with house.supervisor:
            with pytest.raises(ZeroDivisionError):
                await house.bus.ask(ask())
            assert house.supervisor.statistics()[0].state == "running"

    run(story())


def test_an_error_in_an_event_is_told_to_on_failure_only() -> None:
    async def story() -> None:
        house = House()
        actor = Scripted(fail)
        house.bus.register(actor, events=(Mended,))
        async with house.supervisor:
            house.bus.publish(Mended("this"))
            await until(lambda: len(actor.failures) == 1)
            house.bus.publish(Mended("that"))
            await until(lambda: len(actor.failures) == 2)
        assert actor.started == 1

    run(story())


def test_the_time_limit_passes_the_work_is_told_to_stop_and_whoever_asked_hears_it() -> None:
    stops: list[threading.Event] = []

    async def hang(letter: Any) -> Any:
        stops.append(letter.stop)
        await asyncio.Event().wait()

    async def story() -> None:
        house = House()
        house.bus.register(Scripted(hang, limits=ActorLimits(time_limit_s=0.05)), (Ask,))
        async with house.supervisor:
            with pytest.raises(TookTooLong, match=r"0\.05 s"):
                await house.bus.ask(ask())
        assert stops[0].is_set()

    run(story())


def test_a_breaker_opens_rests_tries_once_and_closes() -> None:
    async def story() -> None:
        house = House()
        actor = Scripted(fail, limits=ActorLimits(breaker=BreakerLimits(failures=2, pause_s=10)))
        house.bus.register(actor, (Ask,))
        async with house.supervisor:
            for _ in range(2):
                with pytest.raises(StorageFailed):
                    await house.bus.ask(ask())
            with pytest.raises(Resting, match="disk is full"):
                await house.bus.ask(ask())
            assert len(actor.heard) == 2
            assert house.supervisor.statistics()[0].state == "open"
            house.clock.advance(10.1)
            with pytest.raises(StorageFailed):
                await house.bus.ask(ask())
            with pytest.raises(Resting):
                await house.bus.ask(ask())
            house.clock.advance(20.1)
            actor.script = echo
            assert await house.bus.ask(ask()) == ask()
            assert house.supervisor.statistics()[0].state == "running"

    run(story())


def test_what_a_person_did_wrong_opens_no_breaker() -> None:
    async def wrong(letter: Any) -> Any:
        raise BadQuestion("The question is empty.")

    async def story() -> None:
        house = House()
        actor = Scripted(wrong, limits=ActorLimits(breaker=BreakerLimits(failures=2)))
        house.bus.register(actor, (Ask,))
        async with house.supervisor:
            for _ in range(10):
                with pytest.raises(BadQuestion):
                    await house.bus.ask(ask())
        assert len(actor.heard) == 10

    run(story())


def test_a_full_mailbox_refuses_a_command_at_once() -> None:
    async def story() -> None:
        house = House()
        go = asyncio.Event()

        async def wait(letter: Any) -> Any:
            await go.wait()

        house.bus.register(Scripted(wait, limits=ActorLimits(waiting=2)), (Ask,))
        async with house.supervisor:
            waiting = [asyncio.create_task(house.bus.ask(ask()))]
            await until(lambda: house.bus.statistics()[0].taken == 1)
            waiting += [asyncio.create_task(house.bus.ask(ask(str(at)))) for at in range(2)]
            await until(lambda: house.bus.statistics()[0].waiting == 2)
            with pytest.raises(TooBusy, match="2 messages waiting"):
                await house.bus.ask(ask())
            go.set()
            await asyncio.gather(*waiting)

    run(story())


def test_a_slow_observer_loses_events_and_stalls_nobody() -> None:
    async def story() -> None:
        house = House()
        house.bus.register(Scripted(echo), (Ask,))
        async with house.supervisor:
            with house.bus.observed("slow", ["error"], most=3) as seen:
                for number in range(100):
                    house.bus.publish(Mended(str(number)))
                house.bus.publish(VectorsStored(1, 1))  # another topic
                assert await house.bus.ask(ask()) == ask()
                assert (seen.mailbox.statistics().dropped, len(seen.mailbox)) == (97, 3)
                found = []
                async for envelope in seen:
                    found.append(envelope.message)
                    if len(found) == 3:
                        break
                assert found == [Mended("97"), Mended("98"), Mended("99")]
            assert len(house.bus.statistics()) == 1

    run(story())


def test_a_start_that_fails_is_tried_again_after_a_pause_and_letters_wait() -> None:
    async def story() -> None:
        house = House()
        actor = Scripted(echo)
        actor.on_start_raises = [OSError("no"), OSError("no")]
        house.bus.register(actor, (Ask,))
        told: list[Event] = []
        with house.bus.observed("told", ["error"]) as seen:
            async with house.supervisor:
                assert await house.bus.ask(ask()) == ask()
            while len(seen.mailbox):
                told.append((await seen.mailbox.take()).envelope.message)  # type: ignore[arg-type]
        assert actor.started == 3
        assert told == [ActorFailed("scripted", "OSError: no", 0.5), ActorFailed("scripted", "OSError: no", 1.0)]
        assert house.pauses.taken == [0.5, 1.0]

    run(story())


def test_an_actor_that_keeps_failing_is_stopped_for_good_and_nobody_is_left_hanging() -> None:
    async def story() -> None:
        house = House()
        actor = Scripted(echo, limits=ActorLimits(restarts=2))
        actor.on_start_raises = [OSError("no")] * 10
        house.bus.register(actor, (Ask,))
        async with house.supervisor:
            with pytest.raises(ProcessFailed, match="stopping"):
                await house.bus.ask(ask())
            with pytest.raises(ProcessFailed, match="stopping"):
                await house.bus.ask(ask())
            assert house.supervisor.statistics()[0].state == "stopped"
        assert actor.started == 3

    run(story())


def test_an_actor_whose_on_failure_fails_is_started_again() -> None:
    async def story() -> None:
        house = House()
        actor = Scripted(fail)
        actor.on_failure_raises = RuntimeError("failing at failing")
        house.bus.register(actor, (Ask,))
        async with house.supervisor:
            with pytest.raises(StorageFailed):
                await house.bus.ask(ask())
            actor.script, actor.on_failure_raises = echo, None
            assert await house.bus.ask(ask()) == ask()
        assert (actor.started, actor.stopped) == (2, 2)

    run(story())


def test_stopping_answers_those_who_wait_and_those_who_are_being_served() -> None:
    async def hang(letter: Any) -> Any:
        await asyncio.Event().wait()

    async def story() -> None:
        house = House()
        house.bus.register(Scripted(hang), (Ask,))
        async with house.supervisor:
            served, waiting = (asyncio.create_task(house.bus.ask(ask(text))) for text in "ab")
            await until(lambda: house.bus.statistics()[0].taken == 1)
        for one in (served, waiting):
            with pytest.raises(ProcessFailed, match="stopping"):
                await one

    run(story())


def test_cancelling_a_question_tells_the_work_to_stop() -> None:
    stops: list[threading.Event] = []

    async def hang(letter: Any) -> Any:
        stops.append(letter.stop)
        await asyncio.Event().wait()

    async def story() -> None:
        house = House()
        house.bus.register(Scripted(hang), (Ask,))
        async with house.supervisor:
            asked = asyncio.create_task(house.bus.ask(ask()))
            await until(lambda: bool(stops))
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            assert stops[0].is_set()

    run(story())


def test_what_follows_from_a_message_belongs_to_its_turn_and_names_its_cause() -> None:
    async def story() -> None:
        house = House()

        async def relay(letter: Any) -> Any:
            house.bus.publish(Mended("on the way"))
            await asyncio.to_thread(house.bus.publish_soon, VectorsStored(2, 7))
            return await house.bus.ask(add())

        house.bus.register(Scripted(relay, "relay"), (Ask,))
        house.bus.register(Scripted(echo, "end"), (AddFolders,))
        told: list[Event] = []
        async with house.supervisor:
            await house.bus.ask(ask(), tell=told.append)
            await until(lambda: len(told) == 2)
            await house.bus.ask(add("/other"))
        lines = [line for _, line in house.journal.take()]
        assert [(line.message, line.cause) for line in lines] == [
            ("Ask", None),
            ("Mended", 1),
            ("AddFolders", 1),
            ("VectorsStored", 1),
            ("AddFolders", None),
        ] or [(line.message, line.cause) for line in lines] == [
            ("Ask", None),
            ("Mended", 1),
            ("VectorsStored", 1),
            ("AddFolders", 1),
            ("AddFolders", None),
        ]
        assert set(map(type, told)) == {Mended, VectorsStored}
        assert HANDLED.get() is None

    run(story())


def test_events_from_a_thread_after_the_end_are_told_to_nobody() -> None:
    house = House()

    async def story() -> None:
        async with house.supervisor:
            pass

    run(story())
    house.bus.publish_soon(Mended("late"))  # must not raise


def test_coalesced_events_are_handled_once() -> None:
    class Folding(Scripted):
        def same(self, letter: Any) -> bool:
            return True

    async def story() -> None:
        house = House()
        actor = Folding(echo)
        house.bus.register(actor, events=(FolderScanned, VectorsStored))
        for number in range(50):
            house.bus.publish(VectorsStored(number, number))
        async with house.supervisor:
            await until(lambda: bool(actor.heard))
        assert actor.heard == [VectorsStored(49, 49)]
        assert house.bus.statistics()[0].coalesced == 49

    run(story())


def test_a_blocking_call_on_the_loop_fails_the_test() -> None:
    import time

    from blockbuster import BlockingError

    async def block(letter: Any) -> Any:
        time.sleep(0.01)

    async def story() -> None:
        house = House()
        house.bus.register(Scripted(block), (RunTask,))
        async with house.supervisor:
            await house.bus.ask(task())

    with pytest.raises(BlockingError):
        run(story())
