# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what is there and what is wanted to what is done: one path for check mode and for real.

A domain reads the kernel, then adds one :class:`Step` for each object that differs. Nothing is
done before all steps are known; check mode is the same code without :meth:`Changes.apply`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Step:
    """One object that differs.

    :param what: what a person would call it, such as ``route 10.0.0.0/24``.
    :param before: its state as found, None where it is absent.
    :param after: its state as wanted, None where it shall be absent.
    :param do: brings it from one to the other.
    """

    what: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    do: Callable[[], object]


class Changes:
    """The steps of one run, in the order in which they are done."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        self.steps: list[Step] = []

    def add(
        self,
        what: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        do: Callable[[], object],
    ) -> None:
        """Plan one step; one whose two states are equal is none."""
        if before != after:
            self.steps.append(Step(what, before, after, do))

    def apply(self, *, check_mode: bool) -> None:
        """Do every step in order, or none in check mode."""
        if not check_mode:
            for step in self.steps:
                step.do()

    def result(self) -> dict[str, Any]:
        """Return ``changed``, ``diff`` and ``changes`` (a line each) as a module returns them.

        The diff names only what differs: one key an object, and below it, where the object stays,
        only the attributes that change.
        """
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for step in self.steps:
            before[step.what], after[step.what] = _only_differences(step.before, step.after)
        return {
            "changed": bool(self.steps),
            "changes": [_verb(step) + " " + step.what for step in self.steps],
            "diff": {"before": before, "after": after},
        }


def _verb(step: Step) -> str:
    if step.before is None:
        return "create"
    return "remove" if step.after is None else "change"


def _only_differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    if before is None or after is None:
        return _said(before), _said(after)
    keys = [
        key
        for key in [*before, *(k for k in after if k not in before)]
        if before.get(key) != after.get(key)
    ]
    return {key: before.get(key) for key in keys}, {key: after.get(key) for key in keys}


def _said(state: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a whole object has; that an attribute is not set says nothing."""
    if state is None:
        return None
    return {word: value for word, value in state.items() if value not in (None, [])}
