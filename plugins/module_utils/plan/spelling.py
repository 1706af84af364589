# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables that look like one of the collection's and are none: a slip of the keyboard."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from .inventory import VARIABLES
from .problems import some

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PREFIX = "podnet_"

#: What the planner does not read, and roles and playbooks do, or set.
OTHERS = (
    *("podnet_health_port", "podnet_health_timeout", "podnet_lab", "podnet_node_group_name"),
    *("podnet_compiler", "podnet_compiler_packages", "podnet_node_packages"),
    *("podnet_node_sysctls", "podnet_query", "podnet_report_file"),
    *("podnet_health", "podnet_node", "podnet_observed", "podnet_plan", "podnet_status"),
)

_KNOWN = frozenset((*VARIABLES, *OTHERS))
#: How like a variable a name has to be, as difflib counts it: one letter in six may differ.
_LIKE = 0.85


def warnings(nodes: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield a sentence for each name that has no effect, and looks like one that has.

    A name that is like none of ours is somebody else's business.

    :param nodes: the names of all variables of each node.
    """
    having: dict[str, list[str]] = {}
    for node, names in nodes.items():
        for name in names:
            if name.startswith(PREFIX) and name not in _KNOWN:
                having.setdefault(name, []).append(node)
    for name, on in having.items():
        meant = difflib.get_close_matches(name, _KNOWN, n=1, cutoff=_LIKE)
        if meant:
            yield f"{name} of {some(on)} has no effect; did you mean {meant[0]}?"
