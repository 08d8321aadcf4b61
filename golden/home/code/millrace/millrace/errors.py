"""All exceptions of the package."""


class MillraceError(Exception):
    """Base class, so that callers can catch everything at once."""


class ConfigError(MillraceError):
    """The configuration file is wrong."""


class UnknownKind(MillraceError):
    """No task is registered for the kind of a job."""


class LeaseLost(MillraceError):
    """The job belongs to another worker now; stop working on it."""


class Reject(MillraceError):
    """Raised by a task: this job can never succeed, do not retry it."""
