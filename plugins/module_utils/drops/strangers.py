# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names that nobody has: who asks for one of them waits in vain for an answer."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ..engine.failure import Failure
from ..text.tables import nearest
from . import names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


def refuse(
    option: str, patterns: Iterable[str], known: Collection[str], what: str, more: str = ""
) -> None:
    """Raise Failure, one sentence, for the first name or pattern that fits none of what is known.

    :param option: what it was given as.
    :param what: what it is not, such as ``pod of this node``.
    :param more: a sentence behind that one.
    """
    for pattern in patterns:
        if any(fnmatchcase(name, pattern) for name in known):
            continue
        if not known:
            raise Failure(f"{option}: {pattern!r} is no {what}, which has none.{more}")
        raise Failure(
            f"{option}: {pattern!r} is no {what}; valid are {nearest(pattern, known)}, or a "
            f"pattern of these.{more}"
        )


def refuse_pod(pattern: str | None, others: Mapping[str, str]) -> None:
    """Refuse a pod that no node has, where it was told who the pods of other nodes are."""
    refuse_pods({"pod": [pattern]} if pattern else {}, others)


def refuse_pods(given: Mapping[str, Iterable[str]], others: Mapping[str, str]) -> None:
    """Do so with pods by the options that they were given as.

    :param others: address -> pod of another node; where nothing was told, everybody may be one.
    """
    if not given or not others:
        return
    pods = names.read(others).called()
    for option, patterns in given.items():
        refuse(option, patterns, pods, "pod of the nodes that are asked")
