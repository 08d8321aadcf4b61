#!/usr/bin/env python3
"""Turns the CSV of the bank into the format of tables/expenses-*.csv.

Usage: bank_import.py statement.csv > new.csv
Money that moves between our own accounts is left out.
"""

import csv
import re
import sys
from decimal import Decimal

OWN_ACCOUNTS = ("savings Kalda", "joint Kalda")

# First match wins, so the special shops stand above the general words.
RULES = [
    (r"apteek|kliinik valge", "health"),
    (r"valge käpp|lemmik", "cat"),
    (r"laagri|kütus|tankla|parkla", "cars"),
    (r"ehitus|sanistore|kivilind", "house"),
    (r"sookurg|piletilevi|raamat", "fun"),
    (r"toidukaup|leib|turg", "food"),
]
FALLBACK = "unsorted"


def categorise(text: str) -> str:
    for pattern, category in RULES:
        if re.search(pattern, text, re.IGNORECASE):
            return category
    return FALLBACK


def parse_amount(text: str) -> Decimal:
    """The bank writes '1 234,50-' for money that left: the sign is at the END."""
    text = text.replace("\u00a0", "").replace(" ", "").replace(",", ".")
    if text.endswith("-"):
        return -Decimal(text[:-1])
    return Decimal(text)


def is_transfer(row: dict[str, str]) -> bool:
    return row["Saaja"] in OWN_ACCOUNTS


def convert(rows):
    """Yields (date, category, text, amount); only money that left, as positive numbers."""
    for row in rows:
        amount = parse_amount(row["Summa"])
        if amount >= 0 or is_transfer(row):
            continue
        day, month, year = row["Kuupäev"].split(".")
        yield f"{year}-{month}-{day}", categorise(row["Saaja"]), row["Saaja"], -amount


def main() -> None:
    # The bank still exports Windows-1257 and semicolons.
    with open(sys.argv[1], encoding="cp1257", newline="") as handle:
        out = csv.writer(sys.stdout)
        out.writerow(["date", "category", "shop", "eur"])
        for row in sorted(convert(csv.DictReader(handle, delimiter=";"))):
            out.writerow(row)


if __name__ == "__main__":
    main()
