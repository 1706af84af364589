# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables that are named like those of the collection and are none: slips of the keyboard."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

from .problems import some

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

PREFIX = "podnet"

#: How like a variable a name has to be, as difflib counts it, and how like without the prefix: that
#: makes any two short names like each other.
_LIKE, _LIKE_ALONE = 0.85, 0.65


class Strange(NamedTuple):
    """Sentences about names: of those that are like one of ours, and of all others together."""

    problems: list[str]
    warnings: list[str]


def strange(
    nodes: Mapping[str, Iterable[str]], options: Collection[str], made: Collection[str]
) -> Strange:
    """Look for names that have no effect.

    One that is like an option was meant to be that option. Any other may be the user's own.

    :param nodes: the names of all variables of each node.
    :param options: the variables that people may set.
    :param made: names that tasks of the collection make.
    """
    known = {*options, *made}
    having: dict[str, list[str]] = {}
    for node, names in nodes.items():
        for name in names:
            if name[: len(PREFIX)].lower() == PREFIX and name not in known:
                having.setdefault(name, []).append(node)
    found = Strange([], [])
    others = []
    for name, on in having.items():
        meant = _meant(name.lower(), options)
        if meant:
            whose = "all nodes" if len(on) == len(nodes) else some(on)
            found.problems.append(
                f"{name} of {whose} is no variable of podnet.fabric; valid is {meant}."
            )
        else:
            others.append(name)
    if others:
        are = "are no variables" if len(others) > 1 else "is no variable"
        found.warnings.append(f"{some(others)} {are} of podnet.fabric, and without effect on it.")
    return found


def _meant(name: str, options: Collection[str]) -> str | None:
    """Return the option that a name is most like, if it is like one."""
    # Of two that are as like as each other the first: sorted, so that all runs say the same.
    for option in difflib.get_close_matches(name, sorted(options), n=3, cutoff=_LIKE):
        mine, theirs = (each[len(PREFIX) :].lstrip("_-") for each in (name, option))
        if difflib.SequenceMatcher(None, mine, theirs).ratio() >= _LIKE_ALONE:
            return option
    return None
