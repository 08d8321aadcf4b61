"""What a person typed as a question, before anything is made of it."""

from __future__ import annotations

from assistant.contracts.errors import BadQuestion
from assistant.contracts.limits import MAX_QUESTION_CHARS


def typed(text: str) -> str:
    """The question without blanks around it. Raises :class:`~assistant.contracts.errors.BadQuestion`."""
    text = text.strip()
    if not text:
        raise BadQuestion("The question is empty.", remedy='Ask something, as in: assistant ask "when was ... ?"')
    if len(text) > MAX_QUESTION_CHARS:
        raise BadQuestion(
            f"The question has {len(text):,} characters; {MAX_QUESTION_CHARS:,} are the most.",
            remedy="Ask about a long text by piping it in: assistant ask QUESTION < FILE",
        )
    return text
