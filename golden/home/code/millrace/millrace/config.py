"""Reads millrace.toml. Environment variables win over the file."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields
from typing import Mapping

from .backoff import Backoff
from .errors import ConfigError
from .ratelimit import Limits, TokenBucket

ENV_PREFIX = "MILLRACE_"


@dataclass(frozen=True)
class Config:
    database: str = "millrace.db"
    max_attempts: int = 6
    lease_seconds: float = 60
    poll_seconds: float = 0.25
    dedupe_hours: float = 24
    backoff: Backoff = field(default_factory=Backoff)
    limits: dict[str, tuple[float, int]] = field(default_factory=dict)

    def make_limits(self) -> Limits:
        return Limits({k: TokenBucket(rate, burst) for k, (rate, burst) in self.limits.items()})


SCALARS = {f.name: type(f.default) for f in fields(Config) if f.name not in ("backoff", "limits")}


def parse_rate(text: str) -> tuple[float, int]:
    """'30/min' -> (0.5, 30): per second, and a burst of the whole number."""
    number, _, unit = text.partition("/")
    seconds = {"s": 1, "sec": 1, "min": 60, "h": 3600, "hour": 3600}.get(unit.strip())
    if seconds is None or not number.strip().isdigit() or int(number) < 1:
        raise ConfigError(f"not a rate: {text!r} (try '30/min')")
    return int(number) / seconds, int(number)


def load(path: str | None, env: Mapping[str, str] = os.environ) -> Config:
    data: dict = {}
    if path is not None:
        try:
            with open(path, "rb") as handle:
                data = tomllib.load(handle)
        except FileNotFoundError:
            raise ConfigError(f"no such file: {path}") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path}: {error}") from None
    unknown = set(data) - set(SCALARS) - {"backoff", "limits"}
    if unknown:
        raise ConfigError(f"unknown keys: {', '.join(sorted(unknown))}")
    for name, kind in SCALARS.items():
        raw = env.get(ENV_PREFIX + name.upper())
        if raw is not None:
            try:
                data[name] = kind(raw)
            except ValueError:
                raise ConfigError(f"{ENV_PREFIX}{name.upper()} is not a {kind.__name__}") from None
    try:
        data["backoff"] = Backoff(**data.get("backoff", {}))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"[backoff]: {error}") from None
    data["limits"] = {kind: parse_rate(text) for kind, text in data.get("limits", {}).items()}
    return Config(**data)
