"""A node in any cell of the table, made as the roles make it, and its pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import node_support
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import tasks
from node_support import make_parts, options, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

GUARD = "/sys/fs/bpf/podnet/programs/guard"
DOOR = "/sys/fs/bpf/podnet/programs/to_container"


def node_of(datapath: str, *, isolation: bool = False) -> dict[str, Any]:
    """Return the node of the plan, native routing, with a datapath.

    :param isolation: whether a pod may be isolated.
    """
    return {**plan(), "datapath": datapath, "isolation": isolation}


def make_cell(datapath: str, mode: str = "auto", *, isolation: bool = False) -> None:
    """Make what the pods of a datapath need; what another one had stays."""
    make_parts(node_of(datapath, isolation=isolation), mode)


def make_routes(datapath: str) -> None:
    """Make the routes of a datapath, and take away those of another one."""
    node_support.make_routes(node_of(datapath))


def cell_options(datapath: str, pods: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return the options of the module ``endpoints`` in a datapath."""
    return options(pods, **{**tasks.build(node_of(datapath))["endpoint_options"], **more})
