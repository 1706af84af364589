# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan on disk for the length of one run: from the process that plans to those of the nodes.

The one place of this package that reads and writes files. Each node has a small file of its own,
and what the nodes of a cluster share stands in one file, so that a thousand nodes make a thousand
small files and not a thousand lists of a thousand peers. Services and policies stand apart, as they
travel: packed once, and read by the one task that sends them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from ..engine.failure import Failure
from ..policy import wire as policy_wire
from ..services import wire
from .policy import options
from .slices import slice_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .planner import Plan


def write(plan: Plan, directory: str) -> None:
    """Write a plan into an empty folder that is the caller's alone."""
    for cluster, common in plan.common.items():
        _write(_file(directory, "cluster", cluster), common)
        _file(directory, "services", cluster).write_text(wire.pack(plan.services[cluster]))
    for cluster, tables in plan.policies.items():
        classes = policy_wire.pack(options.of_cluster(tables))
        _file(directory, "classes", cluster).write_text(classes)
    for cluster, labels in plan.labels.items():
        _file(directory, "labels", cluster).write_text(policy_wire.pack({"labels": labels}))
    for name, own in plan.own.items():
        cluster = plan.cluster_of[name]
        _write(_file(directory, "node", name), {"cluster": cluster, "own": own})
        if own["isolation"]:
            sets = policy_wire.pack(options.of_node(plan.policies[cluster], own["endpoints"]))
            _file(directory, "policies", name).write_text(sets)


def read(directory: str, name: str) -> dict[str, Any]:
    """Return the slice of one node, with what its devices add to it once that is settled."""
    mine = _mine(directory, name)
    common = json.loads(_file(directory, "cluster", mine["cluster"]).read_text())
    settled = _said(_file(directory, "settled", name))
    return {**slice_of(common, mine["own"]), **settled}


def settle(directory: str, name: str, found: dict[str, Any]) -> None:
    """Write what the devices of one node add to its slice."""
    _write(_file(directory, "settled", name), found)


def keep_given(directory: str, variables: list[str], given: dict[str, Any]) -> None:
    """Write the names of what was planned with, and what the task and its play were given."""
    _write(_file(directory, "given", ""), {"variables": variables, "given": given})


def given(directory: str) -> tuple[list[str], dict[str, Any]]:
    """Return what was written."""
    found = _said(_file(directory, "given", ""))
    return found.get("variables", []), found.get("given", {})


def keep_settled_parts(directory: str, name: str, settled: dict[str, Any]) -> None:
    """Write what a look ahead found to be as planned (see ``converge.look_ahead``)."""
    _write(_file(directory, "ahead", name), settled)


def settled_parts(directory: str, name: str) -> dict[str, Any]:
    """Return what was written, nothing where nobody has looked."""
    return _said(_file(directory, "ahead", name))


def keep_done(directory: str, name: str, part: str, done: dict[str, Any]) -> None:
    """Write what came of a part that was done along with another (see ``converge.go_on``)."""
    _write(_file(directory, f"done-{part}", name), done)


def take_done(directory: str, name: str, part: str) -> dict[str, Any]:
    """Return what was written, once; nothing where the part has not been done."""
    file = _file(directory, f"done-{part}", name)
    found = _said(file)
    file.unlink(missing_ok=True)
    return found


def keep_lacks(directory: str, name: str, lacks: dict[str, Any]) -> None:
    """Write which programs a node has said that it lacks (see ``converge``)."""
    _write(_file(directory, "lacks", name), lacks)


def lacks(directory: str, name: str) -> dict[str, Any]:
    """Return what was written, nothing where the node has said nothing."""
    return _said(_file(directory, "lacks", name))


def keep_armed(directory: str, name: str) -> None:
    """Write that a node undoes what this run changes on it, unless the run confirms it."""
    _file(directory, "armed", name).touch()


def armed(directory: str, name: str) -> bool:
    """Return whether that was written."""
    return _file(directory, "armed", name).exists()


def keep_changes(directory: str, name: str, part: str, found: list[dict[str, Any]]) -> None:
    """Write what the steps of a part have changed on a node, as ``converge`` returns them."""
    _write(_file(directory, f"changes-{part}", name), {"steps": found})


def changes(directory: str, name: str, parts: Iterable[str]) -> list[dict[str, Any]]:
    """Return what was written of these parts, in their order."""
    files = [_said(_file(directory, f"changes-{part}", name)) for part in parts]
    return [step for found in files for step in found.get("steps", ())]


def first_to_say(directory: str, text: str, name: str) -> str:
    """Return the node that was the first to say a text in this run: this one, or another."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    file = _file(directory, "said", digest)
    with contextlib.suppress(FileExistsError):
        file.symlink_to(quote(name, safe=""))  # in one step: nobody finds it half written
    return unquote(str(file.readlink()))


def read_services(directory: str, name: str) -> str:
    """Return the services of a node's cluster, as ``services.wire`` packs them."""
    return _file(directory, "services", _mine(directory, name)["cluster"]).read_text()


def read_policies(directory: str, name: str) -> list[str]:
    """Return what a node is to hold of policies, as ``policy.wire`` packs it.

    The classes of its cluster and the sets of its own pods; nothing of what there is not.
    """
    cluster = _mine(directory, name)["cluster"]
    found = _file(directory, "classes", cluster), _file(directory, "policies", name)
    return [file.read_text() for file in found if file.exists()]


def read_labels(directory: str, name: str) -> list[str]:
    """Return the pods of a node's cluster by their labels, as ``policy.wire`` packs them."""
    return read_all_labels(directory, _mine(directory, name)["cluster"])


def read_all_policies(directory: str, cluster: str, names: Iterable[str]) -> list[str]:
    """Return what the nodes of a cluster are to hold of policies, the classes of all first.

    Nothing where the cluster has no policies.
    """
    files = [_file(directory, "policies", name) for name in names]
    classes = _file(directory, "classes", cluster)
    found = [file for file in (classes, *files) if file.exists()]
    return [file.read_text() for file in found] if classes.exists() else []


def read_all_labels(directory: str, cluster: str) -> list[str]:
    """Return the pods of a cluster by their labels, as ``policy.wire`` packs them."""
    file = _file(directory, "labels", cluster)
    return [file.read_text()] if file.exists() else []


def place(directory: str, name: str) -> dict[str, Any]:
    """Return where a node stands: its ``subnet`` (``name``, ``cidr``) and the ``gateway`` there."""
    own = _mine(directory, name)["own"]
    return {"subnet": own["subnet"], "gateway": own["vpc_gateway"]}


def _mine(directory: str, name: str) -> dict[str, Any]:
    try:
        mine: dict[str, Any] = json.loads(_file(directory, "node", name).read_text())
    except FileNotFoundError:
        raise Failure(
            f"path is {directory!r}, which holds no plan for {name}; valid is the path that "
            "podnet.fabric.plan returned in this run, for a host of its group."
        ) from None
    return mine


def _said(file: Path) -> dict[str, Any]:
    """Return what a node's tasks have written in this run, nothing where none has."""
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return found


def _file(directory: str, kind: str, name: str) -> Path:
    return Path(directory) / f"{kind}-{quote(name, safe='')}.json"


def _write(file: Path, data: dict[str, Any]) -> None:
    file.write_text(json.dumps(data, separators=(",", ":")))
