"""millrace: a job queue in one SQLite file."""

from .errors import ConfigError, LeaseLost, MillraceError, Reject, UnknownKind
from .model import Job
from .store import Store

__version__ = "0.5.0"

__all__ = [
    "ConfigError",
    "Job",
    "LeaseLost",
    "MillraceError",
    "Reject",
    "Store",
    "UnknownKind",
    "__version__",
]
