# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node's slice of the plan, where Ansible runs: in the plan's folder, and in no variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..module_utils.engine.failure import Failure
from ..module_utils.plan import files

if TYPE_CHECKING:
    from collections.abc import Mapping


def of_host(path: object, task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """Return the slice of the host that a task runs for.

    :param path: what M(podnet.fabric.plan) returned.
    :raises Failure: where there is none, or its pods are not in it.
    """
    name = str(task_vars["inventory_hostname"])
    node = files.read(str(path), name)
    if not node["observed"]:
        # Its pods are not in the slice: applied, the slice would take them away.
        raise Failure(
            f"{name} was not observed in this run, so what it holds is not in the plan; observe "
            "it before podnet.fabric.plan."
        )
    return node
