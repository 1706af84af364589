# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the planner once, on the controller, over the variables of every node."""

from __future__ import annotations

import tempfile
from itertools import chain
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.template import Templar
from ansible_collections.podnet.fabric.plugins.module_utils.connectivity import items
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan import files, planner, spelling
from ansible_collections.podnet.fabric.plugins.module_utils.plan.inventory import (
    CLUSTER_VARIABLES,
    LISTS,
    VARIABLES,
)
from ansible_collections.podnet.fabric.plugins.module_utils.plan.kubernetes import manifests
from ansible_collections.podnet.fabric.plugins.module_utils.plan.masquerade import AGENT
from ansible_collections.podnet.fabric.plugins.module_utils.plan.prefix import HAS_NETADDR
from ansible_collections.podnet.fabric.plugins.module_utils.plan.problems import refuse
from ansible_collections.podnet.fabric.plugins.module_utils.plan.services.read import MANIFESTS
from ansible_collections.podnet.fabric.plugins.plugin_utils import (
    agent_files,
    known_names,
    planned_with,
    run_folder,
    scopes,
    service_files,
    survey,
)
from ansible_collections.podnet.fabric.plugins.plugin_utils import observed as handed_over
from ansible_collections.podnet.fabric.plugins.plugin_utils.action import Action
from ansible_collections.podnet.fabric.plugins.plugin_utils.find import finder
from ansible_collections.podnet.fabric.plugins.plugin_utils.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

ARGUMENT_SPEC = {
    "group": {"type": "str", "default": "podnet_nodes"},
    "observed": {"type": "str", "default": "podnet_observed"},
    "tests": {"type": "bool", "default": False},
}

#: What of an observation the planner needs.
OBSERVED = (
    *("pod_cidr", "peers", "endpoints", "services", "device", "listening"),
    "policy_classes",
)


class ActionModule(Action):
    """Plan; M(podnet.fabric.node_plan) hands each host its slice."""

    _requires_connection = False

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the summary and the folder of the slices."""
        arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)[1]
        nodes, observed = self._read(arguments["group"], arguments["observed"], task_vars)
        if arguments["tests"]:
            nodes = items.added(nodes)
        named = spelling.strange(self._names, known_names.options(), known_names.made())
        refuse(named.problems)
        plan = planner.plan(nodes, observed)
        # Ansible removes its own folder, and this one in it, when the run ends.
        run_folder.sweep()
        path = tempfile.mkdtemp(prefix="podnet-plan-", dir=run_folder.here())
        files.write(plan, path)
        planned_with.keep(self._task, path, VARIABLES, task_vars)
        cluster = plan.cluster_of.get(task_vars["inventory_hostname"], plan.cluster["name"])
        return {
            "changed": False,
            "path": path,
            "cluster": plan.clusters[cluster],
            "clusters": plan.clusters,
            "compilers": _compilers(task_vars, arguments["observed"]),
            # Of a plan with pods of a test they are no warnings of what the inventory has.
            "warnings": []
            if arguments["tests"]
            else [
                *named.warnings,
                *(each for one in plan.clusters.values() for each in one["warnings"]),
            ],
        }

    def _read(
        self, group: str, observed: str, task_vars: Mapping[str, Any]
    ) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any] | None]]:
        """Return the variables of the group's hosts, and what was observed of them.

        The group counts, and not the play's hosts: a run with ``--limit`` has the same peers.
        """
        if not HAS_NETADDR:
            raise Failure("The planner needs the Python library netaddr where Ansible runs.")
        names = [str(name) for name in task_vars["groups"].get(group, ())]
        if not names:
            raise Failure(f"group is {group!r}, which has no hosts; valid is the cluster's group.")
        shared: dict[str, tuple[Any, Any]] = {}
        self._files: dict[tuple[str, str], Any] = {}
        self._task_vars = task_vars
        self._names: dict[str, list[str]] = {}
        in_play = set(task_vars.get("ansible_play_hosts_all", ()))
        nodes: dict[str, dict[str, Any]] = {}
        seen: dict[str, dict[str, Any] | None] = {}
        for name in names:
            variables = scopes.of_host(self._task, task_vars, name)
            self._names[name] = list(variables)
            nodes[name] = self._templated(name, variables, task_vars["hostvars"], shared)
            found = variables.get(observed)
            if isinstance(found, dict) and "pod_cidr" in found:
                found = handed_over.whole(found)
                seen[name] = {key: plain(found.get(key)) for key in OBSERVED}
            elif name in in_play:
                seen[name] = None
        return nodes, seen

    def _templated(
        self,
        host: str,
        variables: Mapping[str, Any],
        hostvars: object,
        shared: dict[str, tuple[Any, Any]],
    ) -> dict[str, Any]:
        templar = Templar(loader=self._loader, variables={**variables, "hostvars": hostvars})
        result = {}
        for name in VARIABLES:
            if name not in variables:
                continue
            raw = variables[name]
            # A list of the whole cluster is templated once, and not again for each of its nodes.
            if name in CLUSTER_VARIABLES and isinstance(raw, list):
                if name not in shared or shared[name][0] != raw:
                    shared[name] = (raw, self._value(templar, host, name, raw))
                result[name] = shared[name][1]
            else:
                result[name] = self._value(templar, host, name, raw)
        return result

    def _value(self, templar: Templar, host: str, name: str, raw: Any) -> Any:
        value = survey.stripped(_template(templar, host, name, raw))
        if name in (MANIFESTS, manifests.VARIABLE) and survey.is_mapping(value):
            value = [value]  # read with the other texts of its list
        elif name in LISTS:
            value = survey.listed(value, name)
        if name == MANIFESTS and isinstance(value, list):
            return [self._loaded(f"{name}[{i}]", item) for i, item in enumerate(value)]
        if name == manifests.VARIABLE and isinstance(value, list):
            each = (self._all_loaded(f"{name}[{i}]", item) for i, item in enumerate(value))
            return list(chain.from_iterable(each))
        if name == AGENT:
            return agent_files.configuration(name, self._loaded(name, value))
        return value

    def _loaded(self, where: str, item: Any) -> Any:
        """Return what a file or a text holds; each is read once a run."""
        return self._read_once(service_files.load, where, item, item)

    def _all_loaded(self, where: str, item: Any) -> Any:
        """Return a list of what a file, a text or a folder holds; each is read once a run."""
        return self._read_once(service_files.load_all, where, item, [item])

    def _read_once(self, load: Any, where: str, item: Any, otherwise: Any) -> Any:
        if not isinstance(item, str) or not item:
            return otherwise
        key = load.__name__, item
        if key not in self._files:
            self._files[key] = load(item, where, finder(self, where, self._task_vars))
        return self._files[key]


def _compilers(task_vars: Mapping[str, Any], observed: str) -> dict[str, str]:
    """Return the host of the play that compiles for each machine type.

    The first that can, or else the first, which is to get a compiler. In batches of hosts always the
    first, since another one may be changed too late for it.
    """
    at_once = task_vars.get("podnet_serial") in (None, "")
    chosen: dict[str, tuple[bool, str]] = {}
    for name in task_vars.get("ansible_play_hosts", ()):
        seen = task_vars["hostvars"].raw_get(name).get(observed)
        if isinstance(seen, dict) and "machine" in seen:
            machine, can = str(seen["machine"]), at_once and bool(seen.get("compiler"))
            if machine not in chosen or can > chosen[machine][0]:
                chosen[machine] = can, str(name)
    return {machine: name for machine, (_can, name) in chosen.items()}


def _template(templar: Templar, host: str, name: str, raw: Any) -> Any:
    if _is_plain(raw):
        return plain(raw)
    try:
        return plain(templar.template(raw))
    except AnsibleError as error:
        raise Failure(f"{name} of {host} cannot be templated: {error}") from error


def _is_plain(value: Any) -> bool:
    """Say whether there is nothing to template: of ten thousand services that takes seconds."""
    if isinstance(value, str):
        return "{" not in value
    if isinstance(value, dict):
        return all(_is_plain(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, (int, float))
