# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends a node its slice of the plan, with what the steps of a part need beside it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleConnectionFailure

from ..module_utils.ebpf.bpf_sources import gather_own, without_texts
from ..module_utils.engine.failure import Failure
from ..module_utils.plan import files
from ..module_utils.steps import given, parts
from ..plugin_utils import diffs, folded, guarding, planned_with, programs, slices
from ..plugin_utils.action import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What is returned where nothing is to be done.
NOTHING: dict[str, Any] = {"changed": False, "changes": [], "steps": []}


class ActionModule(Action):
    """Fills in the options of the module that begin with ``_``."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run the module, unless the node needs no step of the part."""
        checked = self.validate_argument_spec(
            argument_spec=parts.ARGUMENTS, required_if=parts.NEED_PLAN
        )[1]
        arguments = {word: value for word, value in checked.items() if value is not None}
        node = _node(arguments, task_vars)
        if node:
            planned_with.check(self._task, str(arguments["path"]), task_vars)
        # Of a node that has nothing yet, all is to be done.
        arguments["look_ahead"] &= bool(node) and node["planned_before"]
        if not parts.steps(arguments["part"], node) or _as_planned(arguments, node):
            return NOTHING
        guard = guarding.wanted(str(arguments["path"]), node, task_vars) if node else {}
        done = _done_before(arguments, node) or self._converged(arguments, node, guard, task_vars)
        for part, result in done.pop("went_on", {}).items():
            kept = {"result": result, "sysctls": arguments["sysctls"]}
            files.keep_done(str(arguments["path"]), node["name"], part, kept)
        if done.get("armed"):
            files.keep_armed(str(arguments["path"]), node["name"])
            guard["armed"] = True
        if arguments["part"] == "boot" and guard.get("armed") and not done.get("failed"):
            done = self._confirmed(done, guard, task_vars)
        if "as_planned" in done:
            found = {"parts": done["as_planned"], "sysctls": arguments["sysctls"]}
            files.keep_settled_parts(str(arguments["path"]), node["name"], found)
        if "lacks" in done:
            files.keep_lacks(str(arguments["path"]), node["name"], done["lacks"])
        if node and done.get("steps"):
            part = arguments["part"]
            files.keep_changes(str(arguments["path"]), node["name"], part, done["steps"])
        if "diff" in done:
            path = str(arguments["path"]) if node else None
            done["diff"] = diffs.once(done["diff"], path, node.get("name", ""))
        return done

    def _converged(
        self,
        arguments: dict[str, Any],
        node: dict[str, Any],
        guard: dict[str, Any],
        task_vars: dict[str, Any],
    ) -> dict[str, Any]:
        """Run the module with what it needs beside its options."""
        sent: dict[str, Any] = {"_node": node}
        if guard:
            sent["_guard"] = guard
        done = {arguments["part"]: parts.steps(arguments["part"], node)}
        if arguments["go_on"]:
            done |= parts.alone_after(arguments["part"], node)
        looked_at = parts.after(arguments["part"], node) if arguments["look_ahead"] else {}
        named = {**done, **looked_at}
        modules = {step.module for steps in named.values() for step in steps}
        if modules & {"services", "boot"}:
            sent["_services"] = files.read_services(str(arguments["path"]), node["name"])
        if modules & {"policy", "boot"}:
            sent["_policies"] = files.read_policies(str(arguments["path"]), node["name"])
            if self._task.diff:  # in a large cluster there are many, and they are for people
                sent["_labels"] = files.read_labels(str(arguments["path"]), node["name"])
        if "node_command" in modules:
            own = {step.module for steps in done.values() for step in steps}
            sent["_folded"] = folded.of_all_programs(texts="node_command" in own)

        def run(sources: dict[str, Any]) -> dict[str, Any]:
            return self.run_module(
                "converge", {**arguments, **sent, "_sources": sources}, task_vars
            )

        compiles, begins = arguments["compile"], arguments["part"] == "node"
        # What writes down all for a boot, by itself or along with a part before.
        ends = "boot" in done
        loads = any(parts.loads(steps) for steps in done.values())
        # What must be compiled is said once, for all parts, and what a boot needs is of all.
        of_all = begins or ends or not compiles
        found = given.programs(parts.PARTS if of_all else named, node) if node else []
        if not found:
            return run({})
        gathered = gather_own(found)
        if not loads:
            return run(without_texts(gathered))
        known = files.lacks(str(arguments["path"]), node["name"])
        return {**NOTHING, **programs.bring(run, gathered, compiles=compiles, known=known)}

    def _confirmed(
        self, done: dict[str, Any], guard: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        """Confirm what the run has changed on the node, by a connection that is made now.

        A connection that does not come about is tried again for as long as the node waits.
        """
        if self._task.check_mode:
            return done
        sent = {"_node": {}, "_guard": {**guard, "confirms": True}}
        asked = {"path": "of the run", "part": "boot", **sent}
        end = time.monotonic() + guard["seconds"]
        while True:
            guarding.connect_anew(self._connection)
            try:
                confirmed = self.run_module("converge", asked, task_vars)
                return confirmed if confirmed.get("failed") else done
            except AnsibleConnectionFailure as error:
                if time.monotonic() >= end:
                    raise AnsibleConnectionFailure(
                        "What the run changed is not confirmed, since no new connection to the "
                        f"node came about; the node undoes it by itself. {error}"
                    ) from error
            time.sleep(guarding.PAUSE)


def _node(arguments: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
    if "path" not in arguments:
        return {}
    node = slices.of_host(arguments["path"], task_vars)
    wanted = arguments.get("network_type")
    if wanted and node["network_type"] != wanted:
        raise Failure(
            f"podnet_network_type of {node['name']} is {node['network_type']}; the role "
            f"{wanted} is for {wanted}, the role {node['network_type']} for "
            f"{node['network_type']}."
        )
    return node


def _done_before(arguments: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """Return what came of the part along with one before it, nothing where it has not been done."""
    if not node:
        return {}
    found = files.take_done(str(arguments["path"]), node["name"], arguments["part"])
    result: dict[str, Any] = found.get("result", {}) if _same_settings(arguments, found) else {}
    return result


def _as_planned(arguments: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    """Say whether a look ahead in this run has found the part to be as planned."""
    if not node:
        return False
    path = str(arguments["path"])
    if arguments["part"] == "boot" and files.armed(path, node["name"]):
        return False  # it confirms what a part before it has changed
    found = files.settled_parts(path, node["name"])
    return _same_settings(arguments, found) and arguments["part"] in found.get("parts", ())


def _same_settings(arguments: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Say whether settings are those with which another part was asked or done along with its own.

    They are asked for by the roles, and each may ask for others.
    """
    return arguments["sysctls"] in ({}, found.get("sysctls"))
