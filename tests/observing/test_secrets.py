"""Nothing that looks like a secret gets into a log; and what does not, stays."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.bus.envelope import Envelope
from assistant.contracts.events import Mended
from assistant.observing.logs import FILE, KEPT, open_log
from assistant.observing.secrets import REMOVED, cleaned, without_secrets

SECRETS = {
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "github": "ghp_" + "a1B2" * 9,
    "github fine-grained": "github_pat_" + "a1B2" * 9,
    "gitlab": "glpat-" + "x" * 20,
    "slack": "xoxb-123456789012-abcdefghij",
    "openai": "sk-proj-" + "Z9" * 12,
    "google": "AIza" + "b" * 35,
    "hugging face": "hf_" + "c" * 30,
    "jwt": "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_known_kind_of_key_is_taken_out(secret: str) -> None:
    text = without_secrets(f"before {secret} after")
    assert secret not in text
    assert text.startswith("before ")
    assert REMOVED in text


@pytest.mark.parametrize(
    ("text", "cleaned_text"),
    [
        ("https://ann:pa55word@host/x", f"https://{REMOVED}@host/x"),
        ('"password": "hunter22"', f'"password": "{REMOVED}"'),
        ("API_KEY=abcdefgh next", f"API_KEY={REMOVED} next"),
        ("пароль: тайна123", f"пароль: {REMOVED}"),
        ("Authorization: Bearer abc.def-ghi_jk", f"Authorization: Bearer {REMOVED}"),
        ("the token of love", "the token of love"),
        ("/home/ann/passwords.txt", "/home/ann/passwords.txt"),
        ("sk-learn is a library", "sk-learn is a library"),
    ],
)
def test_values_are_taken_out_and_words_stay(text: str, cleaned_text: str) -> None:
    assert without_secrets(text) == cleaned_text


@given(
    st.recursive(
        st.text() | st.integers() | st.none() | st.just(SECRETS["aws"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=12,
    )
)
def test_however_deep_it_lies(value: object) -> None:
    assert SECRETS["aws"] not in json.dumps(cleaned(value), ensure_ascii=False)


def test_a_value_whose_name_says_what_it_is() -> None:
    assert cleaned({"api_key": "abc", "n": 3, "Cookie": "x=y"}) == {"api_key": REMOVED, "n": 3, "Cookie": REMOVED}


def test_the_log_is_json_without_secrets_rotated_and_private(tmp_path: Path) -> None:
    log = open_log(tmp_path / "state")
    log.note(f"started with {SECRETS['github']}", token="abc", count=3)
    what = Mended("The index was mended.")
    log.message(Envelope(7, 3, 2, what, datetime(2026, 3, 1, tzinfo=UTC), 0.0), "error", "what The index was mended.")
    path = tmp_path / "state" / FILE
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first["token"] == REMOVED
    assert first["count"] == 3
    assert SECRETS["github"] not in path.read_text(encoding="utf-8")
    assert (second["event"], second["level"], second["turn"], second["cause"]) == ("Mended", "warning", 3, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for _ in range(9000):
        log.note("x" * 1000)
    log.close()
    assert len(list((tmp_path / "state").iterdir())) == KEPT + 1
    assert sum(file.stat().st_size for file in (tmp_path / "state").iterdir()) < (KEPT + 1) * (2 << 20) + 4096
