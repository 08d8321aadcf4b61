"""External sets through the real memory: files written, remembered, recalled, and judged by document."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from assistant.contracts.errors import BadPath, Interrupted, WrongUse
from assistant.contracts.events import Event, FolderScanned, ScanProgressed, VectorsStored
from assistant.contracts.items import Cite, RecallHit, RecallResult
from assistant.core.parameters import DEFAULT, PARAMETER_SETS
from assistant.evaluation.corpus import lay_out
from assistant.evaluation.external import ExternalDocument, load_external
from assistant.evaluation.external_run import documents_of, score, spread
from assistant.evaluation.findings import ExternalReport

from .sets import DOCUMENTS, GRADES, QUERIES, TALK, THINGS, Row, run, write_set


def only(folder: Path, **wanted: object) -> ExternalReport:
    (report,) = run(folder, **wanted).external  # type: ignore[arg-type]
    return report


def test_what_is_in_the_corpus_is_found(tmp_path: Path) -> None:
    report = only(write_set(tmp_path / "set"))
    assert (report.documents, report.judged, report.asked, report.indexed.files) == (10, 10, 10, 10)
    assert report.total.mrr_at_10.value == 1.0
    assert report.total.ndcg_at_10.value == 1.0
    assert report.total.recall_at_20.value == 1.0
    assert [row.id for row in report.queries] == [one["id"] for one in QUERIES]
    assert report.indexed.items == 10
    assert not report.indexed.reused
    assert list((tmp_path / "temporary").iterdir()) == []


def test_wrong_judgements_give_low_figures(tmp_path: Path) -> None:
    """The figures can fall: nothing of the judgements reaches recall."""
    turned = [(f"q/{thing}", f"d/{THINGS[number - 1]}", 1) for number, thing in enumerate(THINGS)]
    report = only(write_set(tmp_path / "set", grades=turned))
    assert report.total.mrr_at_10.value < 0.6


def test_ids_do_not_help(tmp_path: Path) -> None:
    """The words of a query stand in the id of one document, and in the text of none."""
    documents = [
        {"id": f"{thing} {number}", "text": f"Nothing to see in {number}."} for number, thing in enumerate(THINGS)
    ]
    report = only(write_set(tmp_path / "set", documents, [{"id": "q", "text": "printer"}], [("q", "printer 9", 1)]))
    assert report.total.mrr_at_10.value < 1.0


def test_a_query_is_asked_within_its_group(tmp_path: Path) -> None:
    queries: list[Row] = [
        {"id": "a", "group": "one", "text": "whose boiler leaks", "category": 1},
        {"id": "b", "group": "two", "text": "whose boiler hums", "category": 2},
        {"id": "c", "group": "one", "text": "ferry to Kihnu", "category": 1},
    ]
    grades = [("a", "one:1/0", 1), ("b", "two:1/2", 2), ("b", "two:1/0", 1), ("c", "one:2/0", 1)]
    report = only(write_set(tmp_path / "set", TALK, queries, grades))
    assert report.indexed.files == 3
    assert [(row.name, row.queries) for row in report.categories] == [("1", 2), ("2", 1)]
    assert report.queries[2].mrr_at_10 == 1.0
    assert all(row.recall_at_20 == 1.0 for row in report.queries)
    assert all(row.found <= 8 for row in report.queries)  # never the other group's


def test_near_duplicates_come_right_after_their_twin(tmp_path: Path) -> None:
    """Recall shows the same words once; every document that holds them was found."""
    text = "The boiler in the cellar leaks when the pressure is above two bar and the valve is shut."
    documents: list[Row] = [*DOCUMENTS, *({"id": f"twin {number}", "text": text} for number in range(5))]
    grades = [("q", f"twin {number}", 1) for number in range(5)]
    report = only(write_set(tmp_path / "set", documents, [{"id": "q", "text": "cellar boiler pressure"}], grades))
    assert report.queries[0].ndcg_at_10 == 1.0
    assert report.queries[0].recall_at_20 == 1.0


def hit(path: str, line: int, *also: str, end_line: int | None = None) -> RecallHit:
    cite = Cite(path=path, line=line, end_line=end_line or line, start_byte=0, end_byte=1, digest="")
    return RecallHit(id="x", score=0.5, snippet="", cite=cite, also=also)


def test_hits_become_documents_each_once_in_order() -> None:
    rows = [*TALK[:4], {"id": "file", "text": "alone"}, {"id": "a:b", "text": "alone too"}]
    corpus = lay_out([ExternalDocument.model_validate(row) for row in rows], Path("/c"))
    alone, other, talk = (file.path for file in corpus.files)
    hits: Sequence[RecallHit] = (
        hit(talk, 3, f"{alone}:1", f"{talk}:2"),
        hit(alone, 7),
        hit("/elsewhere/0000001.txt", 1),
        hit(talk, 1, end_line=4),
        hit(other, 1),
    )
    found = documents_of(RecallResult(items=tuple(hits), took_ms=1.0), corpus)
    assert found == ["one:1/2", "file", "one:1/1", "one:1/0", "one:1/3", "a:b"]


def test_known_figures(tmp_path: Path) -> None:
    grades = [("q/boiler", "d/boiler", 2), ("q/boiler", "d/ferry", 1), ("q/violin", "d/violin", 1)]
    external = load_external(write_set(tmp_path / "set", grades=grades))
    found = score(external, {"q/boiler": ["d/kettle", "d/boiler"], "q/violin": []})
    ideal = 2 + 1 / 1.5849625
    assert found["q/boiler"] == pytest.approx(((2 / 1.5849625) / ideal, 0.5, 0.5), abs=1e-6)
    assert found["q/violin"] == (0.0, 0.0, 0.0)


def test_a_quick_look_is_spread_over_the_list(tmp_path: Path) -> None:
    assert list(spread(range(10), 4)) == [0, 2, 5, 7]
    assert list(spread(range(3), 9)) == [0, 1, 2]
    report = only(write_set(tmp_path / "set"), limit=4)
    assert (report.judged, report.asked, len(report.queries)) == (10, 4, 4)


def test_what_cannot_be_found_is_said(tmp_path: Path) -> None:
    documents: list[Row] = [*DOCUMENTS, {"id": "blank", "text": " \n"}, {"id": "binary", "text": "\x00\x01" * 4000}]
    grades = [*GRADES, ("q/boiler", "gone", 1), ("nobody", "d/boiler", 1)]
    report = only(write_set(tmp_path / "set", documents, QUERIES, grades))
    assert (report.blank_documents, report.unknown_documents, report.unknown_queries) == (1, 1, 1)
    assert report.indexed.items == 10


def test_two_parameter_sets_over_one_index(tmp_path: Path) -> None:
    embedded: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, VectorsStored):
            embedded.append(event.done)

    found = run(write_set(tmp_path / "set"), parameters=2, compare=1, listener=listen)
    (report,) = found.external
    assert embedded == [10]
    assert (found.parameters, found.compared) == ("measured v2", "plan v1")
    assert len(report.queries) == len(report.compared_queries) == 10
    assert {(one.group, one.figure) for one in report.differences} == {("all", "ndcg_at_10"), ("all", "recall_at_20")}
    for one in report.differences:
        assert one.verdict == "within noise"
        assert one.difference == pytest.approx(one.compared - one.first)


def test_parameters_that_are_worse_are_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upside_down = {"name": "upside down", "version": 99, "relevance_share": -1.0, "held_bonus": 0.0, "rerank_top": 0}
    worse = DEFAULT.model_copy(update=upside_down)
    monkeypatch.setitem(PARAMETER_SETS, 99, worse)
    found = run(write_set(tmp_path / "set"), compare=99)
    (report,) = found.external
    assert found.compared == "upside down v99"
    ndcg = next(one for one in report.differences if one.figure == "ndcg_at_10")
    assert (ndcg.verdict, ndcg.first) == ("worse", 1.0)
    assert ndcg.p == pytest.approx(2 / 2**10)
    assert ndcg.high < -0.5


def test_a_set_is_not_compared_with_itself_nor_with_one_that_is_not_there(tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    for version in (2, 999):
        with pytest.raises(WrongUse):
            run(tmp_path / "set", parameters=2, compare=version)


def test_several_targets_in_one_call(tmp_path: Path) -> None:
    turned = [(f"q/{thing}", f"d/{THINGS[number - 1]}", 1) for number, thing in enumerate(THINGS)]
    good, bad = write_set(tmp_path / "good"), write_set(tmp_path / "bad", grades=turned)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "tea.md").write_text("# Tea\n\nThe green tea steeps at 70 degrees.\n")
    golden = tmp_path / "golden.yaml"
    golden.write_text(
        "version: 1\nhome: notes\nquestions:\n"
        "  - {id: a, class: easy, text: 'How hot is green tea?', answers: [{path: tea.md, lines: [3, 3]}]}\n"
        "  - {id: b, class: easy, part: held-out, text: 'How hot is tea?', answers: [{path: tea.md, lines: [3, 3]}]}\n"
        "  - {id: c, class: no-answer, part: held-out, text: 'Who painted the Mona Lisa?'}\n"
    )
    found = run(good, golden, bad, compare=1)
    assert [report.name for report in found.external] == ["good", "bad"]
    assert found.external_mean is not None
    first, second = (report.total.ndcg_at_10.value for report in found.external)
    assert found.external_mean.ndcg_at_10.value == pytest.approx((first + second) / 2)
    assert len(found.external_mean.differences) == 2
    (report,) = found.golden
    assert [(part.name, part.total.questions) for part in report.parts] == [("tuning", 1), ("held-out", 2)]
    assert [one.name for one in report.parts[1].classes] == ["easy", "no-answer"]
    assert report.total.questions == 3
    assert {one.group for one in report.parts[1].differences} == {"easy", "no-answer", "held-out"}


def test_one_part_alone(tmp_path: Path) -> None:
    golden = tmp_path / "golden.yaml"
    golden.write_text(
        "version: 1\nhome: .\nquestions: [{id: c, class: no-answer, text: 'Who painted the Mona Lisa?'}]\n"
    )
    (report,) = run(golden, part="tuning").golden
    assert [part.name for part in report.parts] == ["tuning"]
    with pytest.raises(WrongUse, match="held-out"):
        run(golden, part="held-out")


def test_all_targets_are_read_before_the_first_is_indexed(tmp_path: Path) -> None:
    events: list[Event] = []
    with pytest.raises(BadPath):
        run(write_set(tmp_path / "set"), tmp_path / "nowhere.yaml", listener=events.append)
    assert events == []


@pytest.mark.parametrize("moment", ["reading", "embedding", "asking"])
def test_stopped_at_any_moment_nothing_is_left_behind(tmp_path: Path, moment: str) -> None:
    stop = threading.Event()

    def listen(event: Event) -> None:
        if (moment == "reading" and isinstance(event, ScanProgressed | FolderScanned)) or (
            moment == "embedding" and isinstance(event, VectorsStored)
        ):
            stop.set()

    def asked(_what: str, done: int, _total: int) -> None:
        if moment == "asking" and done == 3:
            stop.set()

    with pytest.raises(Interrupted):
        run(write_set(tmp_path / "set"), listener=listen, asked=asked, stop=stop)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    run(write_set(tmp_path / "set"), asked=lambda *step: seen.append(step))
    assert seen == [("set", number, 10) for number in range(10)]
