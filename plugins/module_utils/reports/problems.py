# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with a cluster: a sentence a problem, and whose problem it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..text.tables import counted, first

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


#: Rows of a table that fit on a screen.
ROWS = 20


def whose(names: Sequence[str], nodes: int) -> str:
    """Return the nodes that a sentence is about.

    :param nodes: how many nodes there are.
    """
    return f"all {nodes} nodes" if len(names) == nodes > 1 else first(names)


def more(left: int, *, verbose: bool) -> list[str]:
    """Return the line below a table that has rows beyond :data:`ROWS`; none where all are shown."""
    return [f"  … and {left} more; podnet_verbose shows them"] if left > 0 and not verbose else []


def folded(found: Iterable[tuple[str, str]], nodes: int) -> list[str]:
    """Return a line for each sentence, with the nodes that it is about.

    :param found: a node and a sentence about it, in the order to keep.
    :param nodes: how many nodes there are: of all of them the line says so.
    """
    of: dict[str, list[str]] = {}
    for node, sentence in found:
        of.setdefault(sentence, []).append(node)
    return [f"{whose(on, nodes)}: {sentence}" for sentence, on in of.items()]


def verdict(problems: list[str]) -> str:
    """Return ``OK``, or how many problems there are."""
    return counted(len(problems), "problem") if problems else "OK"
