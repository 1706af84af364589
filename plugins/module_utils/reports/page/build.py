# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the page about clusters shows: plain data in, plain data out; a template draws it.

All that grows is cut, and says how much is left out: a page of ten thousand pods opens, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import health, status
from ..problems import verdict
from . import counts, policies, probes, scenarios, services, topology
from .cut import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: How people say what a cluster is.
_WORDS = {
    "native_routing": "native routing",
    "overlay": "VXLAN overlay",
    "ebpf": "eBPF",
    "bridge": "Linux bridge",
    "routed": "kernel routes",
}
#: Sentences of each kind that are shown.
_SENTENCES = 30


def page(
    clusters: Iterable[Mapping[str, Any]],
    *,
    when: str,
    tested: Iterable[Mapping[str, Any]] = (),
    flows: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return what the template draws.

    :param clusters: each what :func:`cluster` takes.
    :param when: the time, as people write it.
    :param tested: what a connectivity test came to, see :func:`scenarios.shown`.
    :param flows: who talks to whom most, see :func:`counts.flows`.
    """
    found = [cluster(number, **given) for number, given in enumerate(clusters)]
    return {
        "title": ", ".join(one["name"] for one in found) or "podnet.fabric",
        "when": when,
        "clusters": found,
        "scenarios": scenarios.shown(tested),
        "flows": counts.flows(flows),
    }


def cluster(
    number: int,
    *,
    summary: Mapping[str, Any],
    reported: Mapping[str, Mapping[str, Any]],
    places: Mapping[str, Mapping[str, Any]],
    matrix: Mapping[str, Any] | None = None,
    probed: Mapping[str, Any] | None = None,
    failures: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the part of one cluster.

    :param number: of the cluster on the page, for what must be told apart there.
    :param summary: RV(podnet.fabric.plan#module:cluster).
    :param reported: see :func:`status.summary`.
    :param places: by node, ``subnet`` (``name``, ``cidr``) and ``gateway``; nothing where unknown.
    :param matrix: see ``policy.matrix``; None without policies.
    :param probed: by the node that probed, what M(podnet.fabric.health_info) returned as ``nodes``.
        None: nobody was asked to.
    :param failures: by node, why it did not probe.
    """
    said = status.summary(summary, reported)
    statuses = {name: one["status"] for name, one in reported.items() if one.get("status")}
    reach = None if probed is None else health.summary(probed, failures or {})
    problems = [*said["problems"], *(reach["problems"] if reach else [])]
    return {
        "id": f"c{number}",
        "name": summary["name"],
        "ok": not problems,
        "verdict": verdict(problems),
        "problems": cut(problems, _SENTENCES),
        "warnings": cut(said["warnings"], _SENTENCES),
        "vpc": summary["vpc_cidr"],
        "facts": _facts(summary),
        "figures": _figures(summary, said, reach, asked=bool(statuses)),
        "topology": topology.shown(summary, said, statuses, places),
        "health": None if reach is None else probes.shown(summary, probed or {}, failures or {}),
        "services": services.shown(statuses),
        "policies": policies.shown(matrix, statuses),
        "packets": counts.packets(statuses),
        "maps": counts.maps(statuses),
    }


def _facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    behind = summary["masquerade"]
    found = [
        ("Network", f"{_WORDS[summary['network_type']]}, {_WORDS[summary['datapath']]}"),
        ("Native-routing CIDR", summary["native_routing_cidr"] or "none"),
        ("Masquerading", _masquerading(behind) if behind else "none"),
    ]
    if summary["service_cidr"]:
        found.append(("Service CIDR", summary["service_cidr"]))
    for each in summary["ranges"]:
        used = f"{each['used']} of {each['total']} node CIDRs /{each['node_cidr_mask_size']}"
        found.append((f"Secondary range {each['name']}", f"{each['cidr']}, {used}"))
    return found


def _masquerading(behind: Mapping[str, Any]) -> str:
    devices = ", ".join(behind["devices"]) or "the node's device"
    return f"behind {devices}, but not to {', '.join(behind['cidrs'])}"


def _figures(
    summary: Mapping[str, Any],
    said: Mapping[str, Any],
    reach: Mapping[str, Any] | None,
    *,
    asked: bool,
) -> list[dict[str, Any]]:
    """Return the numbers on top; ``state`` is ``ok``, ``bad`` or ``plain``."""
    nodes, pods = len(summary["nodes"]), said["pods"]

    def share(word: str, value: int, of: int) -> dict[str, Any]:
        state = "ok" if value == of else "bad"
        return {"word": word, "value": value, "of": of, "state": state}

    def plain(word: str, value: int) -> dict[str, Any]:
        return {"word": word, "value": value, "of": None, "state": "plain"}

    ready = pods["ready"]
    wanted = pods["planned"] + pods["pending"]
    return [
        share("nodes usable", said["usable"], nodes),
        *([share("nodes reachable", reach["reachable"], reach["total"])] if reach else []),
        plain("pods placed", wanted) if ready is None else share("pods ready", ready, wanted),
        plain("services", summary["services"]),
        plain("policies", summary["policies"]),
        *([plain("packets dropped", sum(d["packets"] for d in said["drops"]))] if asked else []),
    ]
