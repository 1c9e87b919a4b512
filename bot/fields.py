"""JSON that is not trusted, read field by field: each of its kind and size, and none left over."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

MOST = 1000  # entries of any list
LONGEST = 5000  # characters of any text
T = TypeVar("T")


class Fields:
    """An object's fields, taken one by one; none may be left. Whatever is strange raises ValueError."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, Mapping):
            raise ValueError("no object")  # noqa: TRY004 - one error for all that is strange
        self._left = dict(data)

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str) -> Any:
        if key not in self._left:
            raise ValueError(f"{key} is missing")
        return self._left.pop(key)

    def text(self, key: str) -> str:
        return text_of(self.take(key))

    def text_or_none(self, key: str) -> str | None:
        value = self.take(key)
        return None if value is None else text_of(value)

    def number(self, key: str) -> float:
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{key} is no number")
        return float(value)

    def share(self, key: str) -> float:
        value = self.number(key)
        if not 0 <= value <= 1:
            raise ValueError(f"{key} is no share")
        return value

    def share_or_none(self, key: str) -> float | None:
        return self.share(key) if self._left.get(key, 0) is not None else self.take(key)

    def count(self, key: str) -> int:
        value = self.take(key)
        if type(value) is not int or not 0 <= value <= MOST:
            raise ValueError(f"{key} is no count")
        return value

    def many(self, key: str, make: Callable[[Any], T], most: int = MOST) -> tuple[T, ...]:
        value = self.take(key)
        if not isinstance(value, list) or len(value) > most:
            raise ValueError(f"{key} is no list, or too long a one")
        return tuple(make(v) for v in value)

    def end(self) -> None:
        if self._left:
            raise ValueError(f"unknown: {', '.join(sorted(map(str, self._left)))[:100]}")


def text_of(value: Any) -> str:
    """A text of at most LONGEST characters. Raises ValueError for everything else."""
    if not isinstance(value, str) or len(value) > LONGEST:
        raise ValueError("no text, or too long a one")
    return value
