"""The base of the kernel's columns: slotted, with fields of any array or number (a type checker cannot follow them)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    class Fields:
        """Any field."""

        handed: tuple[str, ...]

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

else:

    class Fields:
        """Only the fields that a class names."""

        __slots__ = ()
        handed = ()  # arrays that are handed to rules of others: numba's arrays, the rest are columns
