"""Texts to measure with, made from lists of words: the same on every machine and in every run."""

from __future__ import annotations

import random
from pathlib import Path

_TOPICS = """
boiler garden harbour kettle ladder meadow orchard bakery tunnel bridge violin archive lantern workshop compass ferry
greenhouse chimney cellar attic gutter fence well pump valve radiator thermostat battery charger router printer camera
bicycle trailer engine gearbox windscreen tyre invoice receipt contract insurance pension budget deposit warranty
passport visa ticket luggage itinerary hostel museum gallery theatre concert rehearsal choir orchestra library lecture
seminar exam thesis laboratory microscope sample reagent protocol clinic vaccine allergy prescription dentist recipe
flour yeast butter cinnamon onion cabbage mushroom pickle barrel cheese honey harvest seedling compost rake scythe
server cluster backup snapshot replica migration schema index cursor queue worker scheduler retry timeout deadline
latency throughput checksum signature certificate token session cache buffer parser lexer compiler linker module
package release changelog incident outage alert dashboard metric threshold rollout canary pipeline artefact mirror
"""
_PLACES = """
Tallinn Riga Uppsala Bergen Tromso Aarhus Leeds Cardiff Galway Porto Cadiz Lyon Ghent Utrecht Bremen Graz Brno Lviv
Tartu Vilnius Turku Narvik Malmo Odense Whitby Dundee Sligo Braga Girona Nantes Bruges Delft Kiel Linz Ostrava Gdansk
"""
_PEOPLE = """
Anna Boris Clara Dmitri Elsa Fedor Greta Hanno Ines Jonas Katrin Leo Marta Nils Olga Pavel Quentin Rita Sven Tiina
"""
_VERBS = """
repaired measured moved cleaned ordered returned painted replaced checked described counted borrowed delivered signed
cancelled postponed inspected calibrated archived restored deployed reverted profiled documented reviewed translated
"""
_QUALITIES = """
old new narrow broken quiet heavy spare cheap frozen rusty wooden second northern temporary annual weekly shared
encrypted verbose stale nightly partial manual remote public private
"""

LINKS = ("because", "although", "so", "while", "and later", "but only after", "which is why", "even though", "unless")
UNITS = ("kg", "litres", "metres", "hours", "days", "euros", "degrees", "percent", "pages", "turns")

TOPICS = tuple(_TOPICS.split())
PLACES = tuple(_PLACES.split())
PEOPLE = tuple(_PEOPLE.split())
VERBS = tuple(_VERBS.split())
QUALITIES = tuple(_QUALITIES.split())

TARGET_CHARS = 440
"""Length of a paragraph: with its heading one chunk, about 110 tokens."""

NAMES = 200_000
"""Made-up proper names. They are drawn as names are met in writing: the n-th commonest one n-th as often as the first
(Zipf's law), so that most of what a memory holds are rare words, as in real notes."""

_TYPES = ("int", "str", "float", "bytes")

_STARTS = """
bar bel bran cal cor dal del dor el far fel gar gor hal hol jor kal kel lan lor mal mar mel nor or pel per ral ren sal
sel sor tal tel tor ul val ver vol wen wil yor zan zel
"""
_MIDDLES = "a an ar e en er i in ir o on or u un ad ed id od ab eb ib ob"
_ENDS = "berg by dal feld gren holm kov land ley lin man mark mere nen ola rup sen son stad sted ton vik wick wood"
STARTS, MIDDLES, ENDS = (tuple(syllables.split()) for syllables in (_STARTS, _MIDDLES, _ENDS))


def proper_name(number: int) -> str:
    """The made-up name of that number (from 0); no two are alike. Common ones are short."""
    rest, start = divmod(number, len(STARTS))
    rest, end = divmod(rest, len(ENDS))
    middle = ""
    while rest:
        rest, place = divmod(rest - 1, len(MIDDLES))
        middle += MIDDLES[place] + ("" if not rest else "v")
    return (STARTS[start] + middle + ENDS[end]).capitalize()


class Texts:
    """A stream of texts; equal seeds give equal streams."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def paragraph(self, chars: int = TARGET_CHARS) -> str:
        sentences: list[str] = []
        while sum(map(len, sentences)) + len(sentences) < chars:
            sentences.append(self._sentence())
        return " ".join(sentences)

    def title(self) -> str:
        return f"{self._quality()} {self._topic()} in {self._place()} {self._number(2019, 2026)}".capitalize()

    def question(self) -> str:
        draw = self._random.choice
        form = draw(
            (
                "when was the {q} {t} in {p} {v}?",
                "who {v} the {q} {t}?",
                "how many {u} of {t} did {n} note in {p}?",
                "what happened to the {t} and the {o} in {p}?",
                "what did {n} {s} say about the {t}?",
                "{t} {o} {s}",
            )
        )
        return form.format(
            q=self._quality(),
            t=self._topic(),
            o=self._topic(),
            p=self._place(),
            v=draw(VERBS),
            n=draw(PEOPLE),
            s=self._name(),
            u=draw(UNITS),
        )

    def markdown(self, paragraphs: int) -> str:
        """A title and sections of two paragraphs each; every third section holds a list."""
        parts = [f"# {self.title()}"]
        for place in range(paragraphs):
            if place % 2 == 0:
                parts.append(f"## {self.title()}")
            if place % 6 == 5:
                parts.append("\n".join(f"- {self._sentence()}" for _ in range(5)))
            else:
                parts.append(self.paragraph())
        return "\n\n".join(parts) + "\n"

    def code(self, functions: int) -> str:
        """A Python module of functions, some 500 characters each."""
        parts = [f'"""{self.title()}."""\n\nfrom __future__ import annotations\n\nimport {self._topic()}\n']
        parts += [self._function() for _ in range(functions)]
        return "\n\n".join(parts)

    def document(self, number: int, parts: int) -> tuple[str, str]:
        """Ending and text of a file: every fourth is code."""
        return (".py", self.code(parts)) if number % 4 == 3 else (".md", self.markdown(parts))

    def _sentence(self) -> str:
        draw = self._random.choice
        who = f"{draw(PEOPLE)} {self._name()}" if self._number(0, 1) else draw(PEOPLE)
        where = self._place() if self._number(0, 1) else self._name()
        first = f"{who} {draw(VERBS)} the {self._quality()} {self._topic()} near {where}"
        second = f"the {self._topic()} took {self._number(2, 400)} {draw(UNITS)} of {self._topic()}"
        return f"{first}{draw((', ', ' '))}{draw(LINKS)} {second}."

    def _function(self) -> str:
        verb, topic, other = self._random.choice(VERBS), self._topic(), self._topic()
        kind = self._random.choice(_TYPES)
        limit = self._number(2, 900)
        return (
            f"def {verb}_{topic}_{limit}({topic}: {kind}, max_{other}: int = {limit}) -> list[{kind}]:\n"
            f'    """{self._sentence()}"""\n'
            f"    found_{other}: list[{kind}] = []\n"
            f"    for {other}_number in range(max_{other}):\n"
            f"        if {other}_number % {self._number(2, 9)} == 0:\n"
            f"            found_{other}.append({topic})\n"
            f"    # {self._sentence()}\n"
            f"    return found_{other}[:{limit}]\n"
        )

    def _topic(self) -> str:
        # The lower of two draws: some words are common, most are rare.
        return TOPICS[min(self._number(0, len(TOPICS) - 1), self._number(0, len(TOPICS) - 1))]

    def _name(self) -> str:
        return proper_name(int((NAMES + 1) ** self._random.random()) - 1)

    def _quality(self) -> str:
        return self._random.choice(QUALITIES)

    def _place(self) -> str:
        return self._random.choice(PLACES)

    def _number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)


def write_files(folder: Path, files: int, parts: int, seed: int, *, per_folder: int = 100) -> int:
    """Write ``files`` files of ``parts`` paragraphs or functions below ``folder``. Returns their size in bytes."""
    texts, size_bytes = Texts(seed), 0
    for number in range(files):
        place = folder / f"part-{number // per_folder:03d}"
        if number % per_folder == 0:
            place.mkdir(parents=True, exist_ok=True)
        ending, text = texts.document(number, parts)
        size_bytes += (place / f"note-{number:05d}{ending}").write_bytes(text.encode())
    return size_bytes
