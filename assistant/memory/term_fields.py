"""The fields of the term index, and how words become terms."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

import tantivy

from assistant.core import words

if TYPE_CHECKING:
    from assistant.contracts.ports import TermEntry

_REMEMBERED_PATHS = 64  # the items of one source come together


def schema() -> tantivy.Schema:
    """Stored with the index; another one needs another name."""
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("key", indexed=True, fast=True)
    builder.add_integer_field("time", indexed=True, fast=True)
    builder.add_integer_field("applied", stored=True)
    builder.add_text_field("body", tokenizer_name="prose", index_option="position")
    builder.add_text_field("title", tokenizer_name="prose", index_option="freq")
    builder.add_text_field("exact", tokenizer_name="exact", index_option="freq")
    for name in ("folder", "kind", "modality", "language", "mark"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    return builder.build()


def prose_analyser() -> tantivy.TextAnalyzer:
    """English, then Russian stems; each stemmer leaves the other's script alone. Accents are folded."""
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(40))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .filter(tantivy.Filter.stemmer("russian"))
        .build()
    )


def exact_analyser() -> tantivy.TextAnalyzer:
    """Identifiers as they stand, in lower case."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    return (
        builder.filter(tantivy.Filter.remove_long(2 * words.MAX_IDENTIFIER_CHARS))
        .filter(tantivy.Filter.lowercase())
        .build()
    )


def title_text(entry: TermEntry) -> str:
    """What an item can be found by beside its text: the names of its file and folder, and its context."""
    folder, name = os.path.split(entry.path)
    text = words.normalise(f"{os.path.basename(folder)} {name} {entry.context}")
    return "\n".join((text, *words.names(text)[1]))


@lru_cache(_REMEMBERED_PATHS)
def ancestors(path: str) -> list[str]:
    """The path and every folder above it, so that a folder filter is one term look-up."""
    found = [path]
    while path not in {os.sep, ""}:
        path = os.path.dirname(path)
        found.append(path)
    return found
