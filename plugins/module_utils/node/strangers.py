# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods that somebody asks this node for, and neither it nor its plan has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..drops import names
from ..drops.strangers import refuse
from ..installed import plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OTHERS = " Pods of other nodes are known here by their addresses: --address."


def refuse_pods(given: Mapping[str, Iterable[str] | None]) -> None:
    """Raise Failure, a sentence, for the first one.

    :param given: option -> names or patterns; None where it was not given.
    """
    if not any(given.values()):
        return
    known = names.read()
    if not known.nodes:  # without a network another sentence is due
        return
    planned = (plan.read() or {}).get("endpoints", [])
    called = {*known.called(), *(one["name"] for one in planned)}
    for option, patterns in given.items():
        # Who is of another node has a name of several words, by which one may ask, too.
        asked = [one for one in patterns or () if " " not in one]
        refuse(option, asked, called, "pod of this node", _OTHERS)
