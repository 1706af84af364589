# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables that a play needs before it has hosts: its hosts, and their batches.

Ansible templates these words of a play with what play and command line have, and with nothing of the
inventory. For the batches, which a later play has, the filter looks there itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.plugin_utils import survey
from ansible_collections.podnet.fabric.plugins.plugin_utils.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GROUP = "podnet_node_group_name"
SERIAL = "podnet_serial"
NODES = "podnet_nodes"
ALL = "100%"
_BATCH = re.compile(r"[1-9]\d*|([1-9]\d?|100)%")


def node_group(given: Any, groups: Mapping[str, Sequence[str]]) -> str:
    """Return the group of the cluster's nodes; it has hosts, unless the inventory has none."""
    name = survey.stripped(given) or NODES
    if isinstance(name, str) and (groups.get(name) or not groups.get("all")):
        return name
    raise AnsibleFilterError(
        f"{GROUP} is {repr(plain(given)) if given else 'not set'}, and the inventory has no hosts in the group "
        f"{plain(name)!r}; valid is the group of the cluster's nodes, as an extra variable: Ansible "
        "does not look into the inventory's variables for the hosts of a play."
    )


def batches(given: Any, hostvars: Any) -> list[Any]:
    """Return the sizes of the batches of hosts, as the keyword ``serial`` takes them."""
    if given in (None, ""):
        given = _of_inventory(SERIAL, hostvars)
    try:
        sizes = survey.listed(given, SERIAL)
    except Failure as failure:
        raise AnsibleFilterError(failure.message) from failure
    listed = [ALL] if sizes in (None, "", []) else sizes if isinstance(sizes, list) else [sizes]
    for size in listed:
        if isinstance(size, bool) or not _BATCH.fullmatch(str(size)):
            raise AnsibleFilterError(
                f"{SERIAL} is {plain(given)!r}; valid is how many nodes at a time, such as 1, 25%, "
                f"or a list of these: [1, {ALL!r}] for one canary and then the rest."
            )
    return listed


def _of_inventory(name: str, hostvars: Any) -> Any:
    """Return the value that all hosts have which have one."""
    first: tuple[str, Any] | None = None
    for host in hostvars:
        variables = hostvars[host]
        value = plain(variables[name]) if name in variables else None
        if value in (None, ""):
            continue
        if first is None:
            first = host, value
        elif value != first[1]:
            raise AnsibleFilterError(
                f"{name} is {first[1]!r} on {first[0]} and {value!r} on {host}; valid is one value "
                "for all nodes."
            )
    return None if first is None else first[1]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"node_group": node_group, "batches": batches}
