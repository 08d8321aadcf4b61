"""Late interaction by letters: how well each word of a question is matched by its most alike word in a text.

For scripts the encoder cannot read: what inflection and word formation change, a stemmer often does not undo
(``возник``, ``возникновение``), but letter trigrams are shared. Words are compared by Dice's coefficient over their
trigrams (L. R. Dice, "Measures of the amount of ecologic association between species", 1945; for word forms: G. W.
Adamson, J. Boreham, 1974), and the best of each are added up as in MaxSim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assistant.core import words

MAX_TEXT_WORDS = 400
"""Words of a text that are looked at."""


def spelling_match(wanted: Mapping[str, float], texts: Sequence[str]) -> list[float]:
    """0..1 for each text: the weighted mean, over the ``wanted`` words with their weights, of the likeness of their
    most alike word in it; 0.0 for a text without words."""
    shapes = [(trigrams(word), weight) for word, weight in wanted.items() if weight > 0]
    total = sum(weight for _, weight in shapes)
    if not shapes or total <= 0:
        return [0.0] * len(texts)
    holders: dict[str, list[int]] = {}
    for number, (shape, _) in enumerate(shapes):
        for gram in shape:
            holders.setdefault(gram, []).append(number)
    known: dict[str, dict[int, float]] = {}

    def alike(word: str) -> dict[int, float]:
        """Likeness to each wanted word that shares a trigram."""
        if word not in known:
            own = trigrams(word)
            shared: dict[int, int] = {}
            for gram in own:
                for number in holders.get(gram, ()):
                    shared[number] = shared.get(number, 0) + 1
            known[word] = {
                number: 2.0 * count / (len(own) + len(shapes[number][0])) for number, count in shared.items()
            }
        return known[word]

    found: list[float] = []
    for text in texts:
        best = [0.0] * len(shapes)
        for word in dict.fromkeys(words.words(words.normalise(text).lower())[:MAX_TEXT_WORDS]):
            for number, likeness in alike(word).items():
                best[number] = max(best[number], likeness)
        found.append(sum(value * weight for value, (_, weight) in zip(best, shapes, strict=True)) / total)
    return found


def trigrams(word: str) -> frozenset[str]:
    """Runs of three letters of a word (lower case), its two ends included; the word itself when it is too short."""
    whole = f"^{word}$"
    return frozenset(whole[at : at + 3] for at in range(max(1, len(whole) - 2)))
