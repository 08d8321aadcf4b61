"""A day in the life of the process: things are remembered as they happen, and it can be asked about itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from bus.loops import run
from prometheus_client.parser import text_string_to_metric_families

from assistant.contracts import commands
from assistant.contracts.errors import BadPath, Interrupted
from assistant.contracts.events import Event, FolderScanned, WorkProgressed
from living.households import Household

Lived = Callable[[Household], Coroutine[Any, Any, None]]


@pytest.fixture
def live(tmp_path: Path) -> Callable[..., None]:
    """Runs a story in a living process; a call that blocks its loop fails it."""

    def lived(story: Lived, **settings: Any) -> None:
        async def whole() -> None:
            async with Household(tmp_path, **settings).lived_in() as house:
                await story(house)

        run(whole(), 110)

    return lived


def test_what_is_written_is_found_and_gets_its_vector(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        old = await house.write("old.md", "The zebra lives in Kotka.\n")
        await house.add()
        await house.until_found("zebra", old)
        new = await house.write("deep/er/new.md", "The giraffe lives in Pori.\n")
        await house.until_found("giraffe", new)
        await house.write("old.md", "The okapi lives in Kotka.\n")
        await house.until_found("okapi", old)
        await house.until_found("zebra")
        status = await house.until_settled()
        assert (status.items, status.searchable_by_meaning) == (2, 2)
        assert status.process is not None
        assert (status.process.lexical_behind, status.process.vector_behind) == (0, 0)
        assert [one.how for one in status.process.watching] == ["events"]

    live(story)


def test_a_renamed_folder_is_found_under_its_new_name_and_not_embedded_again(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        for number in range(20):
            await house.write(f"before/{number}.md", f"The quagga{number} sleeps.\n")
        await house.add()
        await house.until_settled()
        house.encoder.encoded = 0
        (house.home / "before").rename(house.home / "after")
        await house.until_found("quagga7", house.home / "after" / "7.md")
        status = await house.until_settled()
        assert status.items == 20
        assert house.encoder.encoded == 0
        assert await house.finds("quagga3") == [str(house.home / "after" / "3.md")]

    live(story)


def test_a_deleted_file_is_found_no_more(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        path = await house.write("a.md", "The dodo is gone.\n")
        await house.add()
        await house.until_found("dodo", path)
        path.unlink()
        await house.until_found("dodo")
        assert (await house.status()).sources == 0

    live(story)


def test_what_happened_while_nobody_ran_is_caught_up_at_the_start(tmp_path: Path) -> None:
    async def first() -> None:
        async with Household(tmp_path).lived_in() as house:
            await house.write("a.md", "The auk was here.\n")
            await house.add()

    async def second() -> None:
        async with Household(tmp_path).lived_in() as house:
            await house.until_found("auk")
            await house.until_found("moa", house.home / "b.md")

    run(first(), 60)
    (tmp_path / "home" / "a.md").unlink()
    (tmp_path / "home" / "b.md").write_text("The moa is here.\n")
    run(second(), 60)


def test_a_folder_that_vanishes_keeps_its_memory_and_is_watched_again(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        path = await house.write("a.md", "The heron stands still.\n")
        await house.add()
        await house.until_found("heron", path)
        away = house.home.with_name("away")
        house.home.rename(away)
        await house.until(house.status, lambda found: found.process.watching[0].how == "away")
        await house.do(commands.SweepFolders())
        assert (await house.status()).items == 1
        away.rename(house.home)
        await house.do(commands.RunTask(name="sweep"))
        await house.until(house.status, lambda found: found.process.watching[0].how == "events")
        new = await house.write("b.md", "The stork flies.\n")
        await house.until_found("stork", new)
        assert (await house.status()).items == 2

    live(story)


def test_forgotten_folders_are_watched_no_more(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        await house.write("a.md", "The ibis.\n")
        await house.add()
        await house.until(house.status, lambda found: len(found.process.watching) == 1)
        await house.do(commands.ForgetPath(path=str(house.home)))
        await house.until(house.status, lambda found: not found.process.watching)
        assert (await house.status()).items == 0

    live(story)


def test_one_request_is_stopped_and_the_others_go_on(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        for number in range(40):
            await house.write(f"{number}.md", f"Number {number}.\n")
        stop = threading.Event()
        stop.set()
        with pytest.raises(Interrupted):
            await house.do(commands.AddFolders(paths=(str(house.home),)), stop=stop)
        assert (await house.add()).scans[0].found == 40

    live(story)


def test_whoever_asks_hears_of_the_own_request_only(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        other = house.home / "other"
        await house.write("one/a.md", "One.\n")
        await house.write("other/b.md", "Other.\n")
        mine: list[Event] = []
        theirs: list[Event] = []
        await asyncio.gather(
            house.do(commands.AddFolders(paths=(str(house.home / "one"),)), mine.append),
            house.do(commands.AddFolders(paths=(str(other),)), theirs.append),
        )
        assert {event.root for event in mine if isinstance(event, FolderScanned)} == {str(house.home / "one")}
        assert {event.root for event in theirs if isinstance(event, FolderScanned)} == {str(other)}
        told: list[Event] = []
        await house.do(commands.CheckStore(full=True), told.append)
        assert any(isinstance(event, WorkProgressed) for event in told)

    live(story)


def test_errors_come_back_as_what_they_are(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        with pytest.raises(BadPath, match="no folder"):
            await house.do(commands.AddFolders(paths=(str(house.home / "nowhere"),)))
        assert all(actor.state == "running" for actor in (await house.status()).process.actors)  # type: ignore[union-attr]

    live(story)


def test_two_piped_texts_at_the_same_time_do_not_mix(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        async def ask(name: str, city: str) -> str:
            text = f"{name} was born in {city}.\n".encode()
            answer = await house.do(commands.Ask(text=f"where was {name} born?", extra=text))
            return answer.answer

        pairs = [(f"Person{number}", f"City{number}") for number in range(12)]
        answers = await asyncio.gather(*(ask(*pair) for pair in pairs))
        assert all(city in answer for (_, city), answer in zip(pairs, answers, strict=True))

    live(story)


def test_the_story_of_a_turn_says_what_caused_what(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        await house.write("a.md", "Secret words of the file.\n")
        await house.do(commands.AddFolders(paths=(str(house.home),)))
        told = await house.do(commands.TellStory())
        messages = {line.message: line for line in reversed(told.lines)}
        assert messages["AddFolders"].cause is None
        assert messages["FolderScanned"].cause == messages["AddFolders"].number
        caused = [line.message for line in told.lines if line.cause == messages["AddFolders"].number]
        assert caused[:2] == ["FolderScanned", "EmbedPending"]
        assert messages["AddFolders"].took_s is not None
        text = told.model_dump_json()
        assert "Secret words" not in text
        assert (await house.do(commands.TellStory(turn_id=10**9))).lines == ()

    live(story)


def test_what_is_forgotten_is_in_no_file_of_ours(live: Callable[..., None], tmp_path: Path) -> None:
    async def story(house: Household) -> None:
        await house.write("CANARYNAME/a.md", "The CANARYTEXT sings.\n")
        await house.add()
        await house.do(commands.Recall(query=commands.RecallQuery(text="CANARYTEXT")))
        await house.until_settled()
        await house.do(commands.ForgetPath(path=str(house.home / "CANARYNAME")))
        shutil.rmtree(house.home / "CANARYNAME")

    live(story)
    for name in ("data", "state", "cache", "config"):
        for path in (tmp_path / name).rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                assert b"CANARYTEXT" not in data, path
                assert b"CANARYNAME" not in data, path


def test_figures_are_what_prometheus_reads(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        await house.write("a.md", "One.\n")
        await house.add()
        text = (await house.do(commands.TellMetrics())).text
        found = {family.name: family.samples for family in text_string_to_metric_families(text)}
        assert found["assistant_items"][0].value == 1
        assert found["assistant_resident_bytes"][0].value > 1e6

    live(story)


def test_the_timetable_is_told_and_a_task_can_be_run_now(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        tasks = {task.name: task for task in await house.do(commands.TellTasks())}
        assert tasks["compact"].state == "off"
        assert tasks["sweep"].next_at is not None
        done = await house.do(commands.RunTask(name="evaluate"))
        assert "No golden set" in done.outcome
        assert (await house.do(commands.RunTask(name="collect"))).last_at is not None

    live(story, timetable={"compact": "off"})


def test_stopping_is_asked_for_and_answered(live: Callable[..., None]) -> None:
    async def story(house: Household) -> None:
        assert (await house.do(commands.StopProcess())).pid == os.getpid()
        assert house.stopped

    live(story)


def test_no_thread_and_no_open_file_is_left_behind(tmp_path: Path) -> None:
    async def story() -> None:
        async with Household(tmp_path).lived_in() as house:
            await house.write("a.md", "One.\n")
            await house.add()
            await house.until_settled()

    run(story(), 60)  # what is opened once for the whole program is open now
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        run(story(), 60)
    assert threading.active_count() <= threads
    assert len(os.listdir("/proc/self/fd")) <= files
