"""What came of the rounds of a kill loop."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Figures:
    """What happened in all rounds. ``lost`` and ``divergent`` must be empty."""

    rounds: int = 0
    kills: int = 0
    acknowledged: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    harmed: Counter[str] = field(default_factory=Counter)
    rebuilt: Counter[str] = field(default_factory=Counter)
    backups: int = 0
    restored: int = 0
    lost: list[str] = field(default_factory=list)
    divergent: list[str] = field(default_factory=list)
    took_s: float = 0.0

    def __str__(self) -> str:
        def listed(counts: Counter[str]) -> str:
            return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"

        return "\n".join(
            (
                f"rounds {self.rounds}, kills {self.kills}, acknowledged steps {self.acknowledged}",
                f"commands {self.commands.total()}: {listed(self.commands)}",
                f"harmed files {self.harmed.total()}: {listed(self.harmed)}",
                f"mended at opening {self.rebuilt.total()}: {listed(self.rebuilt)}",
                f"backups acknowledged {self.backups}, of them restored and compared {self.restored}",
                f"lost {len(self.lost)}, divergent {len(self.divergent)}, {self.took_s:.0f} s",
                *self.lost,
                *self.divergent,
            )
        )
