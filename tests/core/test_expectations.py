"""What an answer must show."""

from __future__ import annotations

import pytest

from assistant.core.expectations import expectation_of


@pytest.mark.parametrize(
    ("question", "meets", "misses"),
    [
        ("What is the vet's phone number?", "vet +372 555-0160", "The vet is in Nõmme."),
        ("How much did the pump cost?", "The pump was 80 EUR.", "The pump is blue."),
        ("When was the boiler serviced?", "Serviced on 3 March 2025.", "Serviced by Ott."),
        ("How long does the bread bake?", "Bake for 50 min.", "Bake until brown is wrong here."[:9]),
        ("Who chairs the club?", "New chair: Kadri Uibo.", "the chair is new"),
        ("How loud is the pump?", "54 dB at full power", "It is very quiet."),
        ("Which IP address does the printer have?", '"ip": "192.168.40.23"', "It sleeps."),
        ("What colour is the grout?", "pearl grey", "epoxy in the shower"),
        ("Сколько стоили билеты?", "4 билета, 742 евро", "вылет утром"),
        ("Когда приём?", "24 марта 2026", "в кабинете"),
        ("Кто починил крышу?", "чинил Андрей Бойко", "починили быстро"),
    ],
)
def test_what_is_asked_for_must_be_shown(question: str, meets: str, misses: str) -> None:
    expectation = expectation_of(question)
    assert expectation is not None
    assert expectation.met_by(meets) == 1.0
    assert expectation.met_by(misses) < 1.0


def test_open_questions_expect_nothing_in_particular() -> None:
    assert expectation_of("What did the physio say about the knee?") is None
    assert expectation_of("notes about tiles") is None
