"""Grammars load on demand, and parsing is bounded."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.reading.syntax import MOST_YAML_LEVELS, CharOffsets, nesting, parse, yaml_levels
from tests.reading_structured.sources import SAMPLES


@pytest.mark.parametrize("language", SAMPLES)
def test_samples_parse_without_errors(language: str) -> None:
    tree = parse(language, SAMPLES[language][1].encode())
    assert tree is not None
    assert not tree.root_node.has_error


def test_a_language_without_grammar_has_no_tree() -> None:
    assert parse("perl", b"print 1;") is None


def test_importing_loads_no_grammar() -> None:
    program = (
        "import sys, assistant.reading.code, assistant.reading.config, assistant.reading.notebook\n"
        "print(sorted(name for name in sys.modules if name.startswith('tree_sitter')))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_threads_parse_side_by_side() -> None:
    def kind_of_first(language: str) -> str | None:
        tree = parse(language, SAMPLES[language][1].encode())
        return None if tree is None else tree.root_node.children[0].type

    languages = sorted(SAMPLES) * 4
    alone = [kind_of_first(language) for language in languages]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(kind_of_first, languages)) == alone


@given(st.text(alphabet="aя面😀\n", max_size=3000), st.data())
def test_byte_offsets_become_character_offsets(text: str, data: st.DataObject) -> None:
    offsets = CharOffsets(text.encode())
    place = data.draw(st.integers(0, len(text)))
    assert offsets.char(len(text[:place].encode())) == place


@pytest.mark.parametrize(
    ("source", "depth"),
    [(b"f(a[b{c}])", 3), (b")))(", 1), (b"List<Map<String, Set<X>>> a;", 3), (b"i<n; i<n; i<n;", 1), (b"", 0)],
)
def test_nesting_counts_open_brackets(source: bytes, depth: int) -> None:
    assert nesting(source) == depth


@pytest.mark.parametrize("mark", ["- ", "? ", ": "])
def test_yaml_levels_that_would_end_the_process(mark: str) -> None:
    assert parse("yaml", (mark * 3000 + "x").encode()) is None


@pytest.mark.parametrize("step", ["a:\n", "- a:\n", "- - a:\n", "a:\n{}- b:\n"])
def test_yaml_indentation_that_would_end_the_process(step: str) -> None:
    source = "".join(" " * 2 * i + step.format(" " * 2 * i) for i in range(1000)).encode()
    assert yaml_levels(source) > MOST_YAML_LEVELS
    assert parse("yaml", source) is None


def test_one_thing_repeated_that_would_take_gigabytes() -> None:
    assert parse("python", b"/* a " * 4000) is None
