"""Chunks of configuration files follow keys and sections."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.reading.config import read_config
from assistant.reading.decoding import decode
from tests.reading.document_laws import check_laws
from tests.reading_structured.reading import check_words_covered, chunk_with, config_of, words

SERVICES = {
    name: {
        "image": f"registry.example/{name}:1.4",
        "ports": [8000 + i],
        "environment": {f"KEY_{k}": f"value {k}" for k in range(8)},
    }
    for i, name in enumerate(["db", "web", "worker"])
}
JSON = json.dumps({"version": "3", "services": SERVICES, "names": ["café", "Ёлка"]}, indent=2, ensure_ascii=False)
COMPOSE = (
    "# The shop on one machine\nversion: '3'\n\nservices:\n"
    + "".join(
        f"  # notes on {name}\n  {name}:\n    image: registry.example/{name}:1.4\n    environment:\n"
        + "".join(f"      KEY_{k}: value number {k} of {name}\n" for k in range(10))
        for name in ("db", "web", "worker")
    )
    + "volumes:\n  data: {}\n"
)
MANIFESTS = "\n---\n".join(
    f"apiVersion: v1\nkind: {kind}\nmetadata:\n  labels:\n    app: shop\n  name: {name}\nspec:\n"
    + "".join(f"  field_{i}: some value {i}\n" for i in range(20))
    for kind, name in (("Service", "web"), ("Deployment", "web"), ("ConfigMap", "settings"))
)
TOML = (
    '[project]\nname = "shop"\n# what it needs\ndependencies = [\n'
    + "".join(f'    "package-{i}>=1.{i}",\n' for i in range(60))
    + ']\n\n[tool.lint]\nselect = ["E", "F"]\n\n[[tool.rules."deep key".items]]\nname = "x"\n'
)
INI = (
    "; settings of the shop\n[server]\nhost = localhost\nport = 8080\n\n# where the data is\n[database]\n"
    + "".join(f"# comment on {i}\noption_{i} = value {i}\n    continued\n" for i in range(30))
    + "[last]\nkey = value\n"
)
PROPERTIES = "# messages\n" + "".join(f"page.title.{i} = Title number {i} \\\n  goes on\n" for i in range(40))
SAMPLES = {
    "json": JSON,
    "yaml": COMPOSE,
    "toml": TOML,
    "ini": INI,
}


def test_a_small_file_is_one_chunk() -> None:
    document = config_of("a.json", '\n{"a": 1, "b": [1, 2]}\n', "json")
    assert [(chunk.scope, words(document, chunk)) for chunk in document.chunks] == [((), '{"a": 1, "b": [1, 2]}')]
    assert (document.kind, document.modality, document.language, document.chunks[0].kind) == (
        *("config", "text", "json"),
        "config",
    )


@pytest.mark.parametrize(
    ("language", "inside"), [("json", '"image": "registry.example/{}'), ("yaml", "image: registry.example/{}")]
)
def test_scope_is_the_trail_of_keys(language: str, inside: str) -> None:
    document = config_of("services", SAMPLES[language], language)
    for name in ("db", "web", "worker"):
        assert chunk_with(document, inside.format(name)).scope == ("services", name)


def test_comments_above_a_yaml_key_stay_with_it() -> None:
    document = config_of("compose.yaml", COMPOSE, "yaml")
    assert "# notes on worker" in words(document, chunk_with(document, "image: registry.example/worker"))


def test_comments_between_long_yaml_items() -> None:
    step = (
        "- name: step {}\n  run: |\n"
        + "".join(f"    command {i} with words\n" for i in range(30))
        + "  with:\n    a: 1\n"
    )
    source = "steps:\n  " + "\n# what comes next\n".join(step.format(i) for i in range(5)).replace("\n", "\n  ")
    document = config_of("steps.yaml", source, "yaml")
    assert sum("# what comes next\n  - name" in words(document, chunk) for chunk in document.chunks) == 4


def test_yaml_documents_go_by_kind_and_name() -> None:
    document = config_of("all.yaml", MANIFESTS, "yaml")
    assert {chunk.scope[0] for chunk in document.chunks} == {"Service web", "Deployment web", "ConfigMap settings"}


def test_toml_tables_and_long_arrays() -> None:
    document = config_of("pyproject.toml", TOML, "toml")
    assert chunk_with(document, '"package-3>=').scope == ("project", "dependencies")
    assert chunk_with(document, '"package-59').header == "project.dependencies"
    assert "# what it needs" in words(document, chunk_with(document, "dependencies = ["))
    assert chunk_with(document, "[tool.lint]") == chunk_with(document, '"deep key"')


def test_ini_sections_with_comments_and_continuations() -> None:
    document = config_of("shop.ini", INI, "ini")
    chunk = chunk_with(document, "option_17 ")
    assert chunk.scope == ("database",)
    assert "# comment on 17\noption_17 = value 17\n    continued" in words(document, chunk)
    assert words(document, chunk_with(document, "[database]")).startswith("# where the data is")


def test_properties_keep_continued_lines_together() -> None:
    document = config_of("messages.properties", PROPERTIES, "ini")
    assert all(words(document, chunk).endswith("goes on") for chunk in document.chunks)


def test_json_records_are_grouped_and_named() -> None:
    records = [{"id": i, "title": f"Record {i}", "tags": ["a", "b"]} for i in range(60)]
    document = config_of("r.json", json.dumps({"meta": 1, "data": {"users": records}}), "json")
    later = document.chunks[2:]
    assert {(chunk.scope, chunk.header) for chunk in later} == {(("data", "users"), "data.users")}
    assert all(words(document, chunk).startswith('{"id": ') for chunk in later)


def test_json_lines() -> None:
    source = "".join(json.dumps({"event": f"login {i}", "user": f"user{i}"}) + "\n" for i in range(50))
    document = config_of("log.jsonl", source, "json")
    assert all(words(document, chunk)[0] + words(document, chunk)[-1] == "{}" for chunk in document.chunks)


def test_json_with_comments_and_trailing_commas() -> None:
    source = "{\n" + "".join(f'  // option {i}\n  "key_{i}": {{"value": {i}}},\n' for i in range(40)) + "}\n"
    document = config_of("settings.jsonc", source, "json")
    assert '// option 20\n  "key_20"' in words(document, chunk_with(document, '"key_20"'))


def test_a_minified_json_line() -> None:
    document = config_of("m.json", json.dumps({f"key{i}": {"a": i, "b": "text " * 5} for i in range(2000)}), "json")
    assert len(document.chunks) > 150


@pytest.mark.parametrize("size", [200, 100_000])
def test_deeply_nested_json(size: int) -> None:
    document = config_of("deep.json", '{"a":' * size + '"bottom"' + "}" * size, "json")
    assert len(document.chunks[-1].scope) <= 65


def test_deeply_nested_json_of_brackets_only() -> None:
    assert config_of("deep.json", "[" * 100_000, "json").chunks


def test_deeply_nested_yaml() -> None:
    source = "".join(" " * i + f"key{i}:\n" for i in range(1000)) + " " * 1000 + "bottom: here\n"
    assert "bottom: here" in words(
        config_of("deep.yaml", source, "yaml"), config_of("deep.yaml", source, "yaml").chunks[-1]
    )


def test_a_yaml_alias_bomb() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    assert len(config_of("bomb.yaml", "\n".join(lines), "yaml").chunks) < 10


def test_templates_that_are_no_yaml() -> None:
    source = "{{- if .Values.enabled }}\n" + MANIFESTS.replace("field_3", "{{ .Values.x | quote }}") + "\n{{- end }}\n"
    config_of("template.yaml", source, "yaml")


def test_blank_files_are_nothing_to_read() -> None:
    text = decode(b"  \n\n")
    assert text is not None
    assert read_config("a.toml", text, "toml") is None


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(SAMPLES)),
    st.data(),
    st.lists(st.tuples(st.integers(0, 9000), st.binary(max_size=5)), max_size=8),
)
def test_truncation_and_byte_noise(language: str, data: st.DataObject, noise: list[tuple[int, bytes]]) -> None:
    source = bytearray(SAMPLES[language].encode())
    for place, extra in noise:
        place %= len(source)
        source[place : place + len(extra) // 2] = extra
    start = data.draw(st.integers(0, len(source)))
    cut = bytes(source[start : data.draw(st.integers(start, len(source)))])
    text = decode(cut)
    document = None if text is None else read_config(f"x.{language}", text, language)
    if document is not None:
        check_laws(cut, document, verbatim=True)
        check_words_covered(document)


@pytest.mark.parametrize("language", SAMPLES)
def test_shuffled_lines(language: str) -> None:
    lines = SAMPLES[language].splitlines(keepends=True)
    random.Random(3).shuffle(lines)
    config_of("shuffled", "".join(lines), language)
