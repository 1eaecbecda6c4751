"""A value that is worked out when it is first asked for, then kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """A property, kept in the object's own attributes.

    As `functools.cached_property`, which before Python 3.12 lets one thread at a time work out a value of any object:
    the requests of all clients would wait for one another. What two ask for at once is worked out twice here.
    """

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self.__doc__ = work_out.__doc__

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, held: Any, _: type) -> T:
        found: T = self._work_out(held)
        # From now on the attribute is found before this.
        vars(held)[self._name] = found
        return found
