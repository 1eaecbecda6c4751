"""Errors by what recovers from them, so that callers never match on messages."""

from __future__ import annotations


class NightporterError(Exception):
    """Root of every error that Nightporter raises on purpose."""


class ConfigError(NightporterError):
    """A setting is missing or wrong: refuse to start and name the setting."""


class RetryableError(NightporterError):
    """A passing failure; try again, after ``retry_after_s`` seconds where the other side said so.

    ``is_answered``: the other side answered, so nothing of the request is still on its way.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, is_answered: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_answered = is_answered


class PermanentError(NightporterError):
    """Trying again cannot help; ``status`` is the HTTP status that tells a caller whose fault it is."""

    def __init__(self, message: str, *, status: int = 400, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field


class NotFoundError(PermanentError):
    """Nothing of this tenant has that id."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=404)


class RejectedRecord(NightporterError):
    """One record is unusable; it is quarantined with its raw payload and this reason, the rest goes on."""

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
