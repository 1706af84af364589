# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The diff of a node, less what another node of the run has said already."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from ..module_utils.plan import files
from ..module_utils.steps import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def once(diffs: Iterable[Mapping[str, Any]], path: str | None, name: str) -> list[dict[str, str]]:
    """Return the diffs of some steps as one text; of one that another node has said, who that was.

    :param path: the plan's folder, by which the nodes of a run know of each other; None: they
        do not.
    """
    found = []
    same: dict[str, list[str]] = {}
    for text in chain.from_iterable(map(shown.texts, diffs)):
        who = name if path is None else files.first_to_say(path, repr(text), name)
        if who == name:
            found.append(text)
        else:
            same.setdefault(who, []).append(text["after_header"])
    as_on = [f"{'; '.join(steps)}: as on {who}\n" for who, steps in same.items()]
    return [*_together(found), *({"prepared": one} for one in as_on)]


def _together(texts: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return one diff of many: its lines say what they are about."""
    if not texts:
        return []
    steps = "; ".join(dict.fromkeys(one["after_header"] for one in texts))
    sides = {side: "".join(one[side] for one in texts) for side in ("before", "after")}
    return [{**sides, "before_header": steps, "after_header": steps}]
