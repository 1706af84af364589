# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: site_summary
short_description: What a run has changed, where, and what to do next
version_added: 1.0.0
description:
  - Reads, from the folder of the plan on the controller, what M(podnet.fabric.converge) has changed on the hosts of the play, or
    would have in check mode.
options:
  _terms:
    description: The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned in this run.
    required: true
    type: list
    elements: str
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Mount what the network needs, and say what changed
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Have the kernel settings of the network
      podnet.fabric.converge:
        path: "{{ podnet_node.path }}"
        part: node

    - name: Show what changed
      ansible.builtin.debug:
        msg: "{{ lookup('podnet.fabric.site_summary', plan_result.path).report }}"
      run_once: true
"""

RETURN = r"""
_raw:
  description:
    - C(changes) is for machines, C(report) a list of lines for people.
    - C(nodes) counts what was changed on each, C(problems) are hosts that failed and pods that are not connected.
  type: list
  elements: dict
  sample:
    - changes:
        changed: true
        check_mode: false
        nodes: {node-1: 1, node-2: 0}
        steps: [{name: Set routes to pods, changes: 1, nodes: [node-1]}]
        problems: []
        warnings: []
      report: ["Changes:                1/2 nodes changed", "  node-1: create route 10.111.160.128/25"]
"""

from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.podnet.fabric.plugins.module_utils.plan import files
from ansible_collections.podnet.fabric.plugins.module_utils.reports import changes
from ansible_collections.podnet.fabric.plugins.module_utils.steps import parts

#: What else a run installs on a host: the name of the result, and the step.
INSTALLED = {
    "node_libraries_made": "Install the libraries",
    "node_compiler_made": "Install the compiler",
}


class LookupModule(LookupBase):  # type: ignore[misc]
    """Reads what nodes have written down."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **_kwargs: Any
    ) -> list[dict[str, Any]]:
        """Return the summary of each folder."""
        return [_summary(str(path), variables or {}) for path in terms]


def _summary(path: str, variables: dict[str, Any]) -> dict[str, Any]:
    names = [str(name) for name in variables["ansible_play_hosts_all"]]
    hostvars = variables["hostvars"]
    made = {
        name: [*_installed(hostvars[name]), *files.changes(path, name, parts.PARTS)]
        for name in names
    }
    clusters = variables["plan_result"]["clusters"].values()
    done = changes.summary(
        made,
        [*_failed(names, variables["ansible_play_hosts"]), *_unfinished(names, hostvars)],
        [str(warning) for cluster in clusters for warning in cluster["warnings"]],
        check_mode=bool(variables["ansible_check_mode"]),
    )
    routes = [
        {"dst": str(node["pod_cidr"]), "via": str(node["node_ip"])}
        for cluster in clusters
        if _needs_router(path, cluster)
        for node in cluster["nodes"]
        if node["usable"]
    ]
    return {"changes": done, "report": changes.render(done, made, routes).splitlines()}


def _installed(of_host: Any) -> list[dict[str, Any]]:
    made = [what for name, what in INSTALLED.items() if (of_host.get(name) or {}).get("changed")]
    return [{"name": what, "changes": [what.lower()], "count": 1} for what in made]


def _failed(names: list[str], left: list[str]) -> list[tuple[str, str]]:
    return [(name, "failed; its task says why") for name in names if name not in left]


def _unfinished(names: list[str], hostvars: Any) -> list[tuple[str, str]]:
    """Return the pods that a node could not connect, and why."""
    found = {name: hostvars[name].get("endpoints_made") or {} for name in names}
    return [
        (name, f"{pod['name']}: {pod['reason']}")
        for name, made in found.items()
        for pod in made.get("unfinished") or ()
    ]


def _needs_router(path: str, cluster: Any) -> bool:
    """Say whether a node reaches others by the VPC's router alone."""
    first = str(cluster["nodes"][0]["name"])
    return any(peer["route"] == "gateway" for peer in files.read(path, first)["peers"])
