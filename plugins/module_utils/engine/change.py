# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what is there and what is wanted to what is done: one path for check mode and for real.

A domain reads the kernel, then adds one :class:`Step` for each object that differs. Nothing is
done before all steps are known; check mode is the same code without :meth:`Changes.apply`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


#: What is called before a process makes a change, see :func:`announced`.
_LISTENERS: list[Callable[[], object]] = []


@contextlib.contextmanager
def announced(listener: Callable[[], object]) -> Iterator[None]:
    """Have something called before each set of changes of this process, for a ``with`` block.

    :param listener: what it raises keeps the changes from being made.
    """
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


def announce() -> None:
    """Say that changes are about to be made; :meth:`Changes.apply` does it for its own.

    Who has listened last may keep them from being made before the others hear of them.
    """
    for listener in reversed(_LISTENERS):
        listener()


def nothing() -> None:
    """Do nothing: for a step whose work is done together with that of others."""


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
        """Start with nothing to do, and no warning, a sentence each."""
        self.steps: list[Step] = []
        self._done = 0
        self.warnings: list[str] = []

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
        """Do every step in order, or none in check mode.

        :raises Failure: of the step that failed, as :meth:`accounted` has it.
        """
        if self.steps and not check_mode:
            announce()
            with self.accounted():
                for step in self.steps:
                    step.do()
                    self._done += 1

    @contextlib.contextmanager
    def accounted(self) -> Iterator[None]:
        """Let a failure tell what was done before it (``changes``) and what was not (``left``)."""
        try:
            yield
        except Failure as failure:
            done, left = self.steps[: self._done], self.steps[self._done :]
            # A change in place may take several requests, of which the last was refused.
            in_place = any(step.before is not None and step.after is not None for step in left[:1])
            failure.details = {
                "changed": bool(done) or in_place,
                "changes": _lines(done),
                "left": _lines(left),
                **failure.details,
            }
            if done and left:
                failure.message += (
                    f" Of {len(self.steps)} changes {len(done)} had been made: changes lists them, "
                    "and left lists the others."
                )
            raise

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
            "changes": _lines(self.steps),
            "diff": {"before": before, "after": after},
        }


def _lines(steps: list[Step]) -> list[str]:
    return [_verb(step) + " " + step.what for step in steps]


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
