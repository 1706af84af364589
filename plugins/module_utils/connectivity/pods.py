# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The test's pods, services and policies on a node: they come beside all others, and go again.

What others have is neither written nor removed. Policies have a partition of their own (see
``plan/policy/tables``), so that no pod but the test's is judged by other classes than before.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from ..datapath import policy_layout, tasks
from ..endpoints import converge as endpoints
from ..endpoints import held as endpoints_held
from ..endpoints import removal
from ..endpoints.wanted import Endpoint, Node
from ..engine.change import Changes
from ..policy import converge as policy
from ..policy import held as policy_held
from ..policy import packed, wanted
from ..policy import wire as policy_wire
from ..policy.comparison import Does, compare
from ..services import converge as services
from ..services import held as services_held
from ..services import wire as services_wire
from . import items

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: How names of the test's services and policies begin, and have it in them.
_MARKS = (f"{items.NAMESPACE}/", f"{items.OTHER_NAMESPACE}/")


def present(node: Mapping[str, Any], packed_services: str, policies: Sequence[str]) -> list[str]:
    """Bring a node the test's items; return what was changed, a line each.

    :param node: its part of a plan that has them.
    :param packed_services: of its cluster, those of the test among them; empty: none come.
    :param policies: as ``policy.wire`` packs them; empty: none come.
    """
    done: list[str] = []
    own = [one for one in node["endpoints"] if items.is_own(one["name"])]
    if policies:
        options = _own_policies(policy_wire.unpack(policies), {one["ip"] for one in own})
        result = policy.converge(wanted.read(options), Does(), check_mode=False)
        done += result["changes"]
    else:
        own = [{**one, "isolated": False} for one in own]
    built = tasks.build({**node, "endpoints": own})
    options = built["endpoint_options"]
    shared = Node(**{word.name: options[word.name] for word in fields(Node)})
    listed = [Endpoint(**one) for one in built["endpoints"]]
    done += endpoints.converge(listed, shared, purge=False, check_mode=False).result()["changes"]
    if packed_services:
        mine = [
            one
            for one in services_wire.unpack(packed_services)
            if str(one["name"]).startswith(_MARKS)
        ]
        found = services.converge(mine, node=node["name"], purge=False, check_mode=False)
        done += found.changes.result()["changes"]
    return done


def absent() -> list[str]:
    """Remove the test's items, whoever left them; return what was changed, a line each."""
    return [*_without_services(), *_without_endpoints(), *_without_policies()]


def _own_policies(options: dict[str, Any], addresses: Iterable[str]) -> dict[str, Any]:
    """Return the options of the module ``policy`` for pods at these addresses alone."""
    pods = [pod for pod in options.get("pods", ()) if pod["ip"] in addresses]
    numbers = {pod[word] for pod in pods for word in packed.Pod._fields[1:]}
    sets = [each for each in options.get("sets", ()) if each["number"] in numbers]
    rules = {str(entry[-1]) for each in sets for entry in each["entries"]}
    known = options.get("rules", {})
    return {
        **options,
        "pods": pods,
        "sets": sets,
        "rules": {number: name for number, name in known.items() if number in rules},
    }


def _without_services() -> list[str]:
    with services_held.read() as held:
        found = {
            (held.name(numbers.id) or "").partition(":")[0] for numbers in held.frontends.values()
        }
    # A service without ports has no frontends: those that are there go.
    mine = [{**_NO_SERVICE, "name": name} for name in sorted(found) if name.startswith(_MARKS)]
    if not mine:
        return []
    done = services.converge(mine, node=None, purge=False, check_mode=False)
    return list(done.changes.result()["changes"])


_NO_SERVICE: dict[str, Any] = {"type": "ClusterIP", "ports": [], "cluster_ip": None}


def _without_endpoints() -> list[str]:
    changes = Changes()
    with endpoints_held.read() as held:
        removal.plan(held, [name for name in held.names if not items.is_own(name)], changes)
        changes.apply(check_mode=False)
        removal.finish(held)
        held.finished(**changes.result())
    return list(changes.result()["changes"])


def _without_policies() -> list[str]:
    """Purge of a look at the maps that has the test's entries alone."""
    changes = Changes()
    with policy_held.read() as held:
        mine = _own_part(held)
        plan = compare(wanted.Wanted(), mine, changes, Does(write=False, purge=True))
        if changes.steps:
            policy.apply(plan, wanted.Wanted(), mine)
    return list(changes.result()["changes"])


def _own_part(held: policy_held.Held) -> policy_held.Held:
    """Return what is the test's of what a node holds: sets by their names, the rest by the sets."""
    mine = {key for key, name in held.names.items() if _is_marked(name)}
    numbers = {packed.NUMBER.unpack(key)[0] for key in mine}
    sets = {number for number in held.rules if number in numbers} | {
        packed.NUMBER.unpack(key)[0]
        for key in mine
        if packed.NUMBER.unpack(key)[1] != policy_layout.POLICY_RULE
    }
    pods = {at: pod for at, pod in held.pods.items() if sets.intersection(pod.sets)}
    others = {pod.partition for at, pod in held.pods.items() if at not in pods}
    partitions = {pod.partition for pod in pods.values()} - others
    return replace(
        held,
        pods=pods,
        classes={one: held.classes[one] for one in partitions if one in held.classes},
        rules={number: held.rules[number] for number in sets if number in held.rules},
        names={key: held.names[key] for key in mine},
        counters=held.counters & mine,
        isolated=frozenset(),
    )


def _is_marked(name: bytes) -> bool:
    return any(mark.encode() in name for mark in _MARKS)
