# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends a node the actions of the connectivity test, group by group, and says how far it is."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from ansible.utils.display import Display

from ..module_utils.connectivity import actions, items, scenarios
from ..module_utils.engine.failure import Failure
from ..module_utils.plan import files
from ..module_utils.services import wire
from ..plugin_utils import slices, survey
from ..plugin_utils.action import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OUR_SERVICES = f"{items.NAMESPACE}/"


class ActionModule(Action):
    """Fills in the module's options that begin with ``_``."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run the module for each group of scenarios; return what all of them said."""
        given = dict(self._task.args)
        node = slices.of_host(str(given["path"]), task_vars)
        if given.get("since") is not None:
            own = [one["ip"] for one in node["endpoints"] if items.is_own(one["name"])]
            return self.run_module("connectivity_info", {**given, "_addresses": own}, task_vars)
        outside = bool(given.get("from_outside"))
        names = survey.listed(given.get("scenarios"), "podnet_scenarios") or []
        chosen = scenarios.chosen([str(name) for name in names])
        all_facts = _facts(given, node, task_vars, outside=outside)
        speaks = not outside and task_vars["ansible_play_hosts"][0] == node["name"]
        found: dict[str, Any] = {"changed": False, "results": [], "left_out": {}}
        for group in scenarios.GROUPS:
            listed = [
                one for one in scenarios.SCENARIOS if one.group == group and one.name in chosen
            ]
            asked = []
            for one in listed:
                reasons = [actions.skipped(one, facts) for facts in all_facts]
                if all(reasons):
                    found["left_out"][one.name] = reasons[0]
                else:
                    each = zip(all_facts, reasons)
                    asked += [
                        action
                        for facts, reason in each
                        if not reason
                        for action in actions.actions(one, facts, outside=outside)
                    ]
                if speaks:
                    _say(one.name, chosen, found["left_out"].get(one.name))
            if asked:
                sent = {**given, "scenarios": [], "_actions": asked}
                done = self.run_module("connectivity_info", sent, task_vars)
                if "results" not in done:
                    raise Failure(str(done.get("msg") or done))
                found.setdefault("began", done["began"])
                found["results"] += done["results"]
                _tell(node["name"], done["results"])
        return found


def _facts(
    given: Mapping[str, Any], node: dict[str, Any], task_vars: Mapping[str, Any], *, outside: bool
) -> list[actions.Facts]:
    """Return what the actions follow from: of the node, or of all nodes for the host outside."""
    path = str(given["path"])
    names = [str(name) for name in task_vars["ansible_play_hosts"]]
    at = names.index(node["name"])
    ring = names[at + 1 :] + names[:at]
    host = (
        actions.Outside(str(given["outside"]), str(given["address"]))
        if given.get("outside") and given.get("address")
        else None
    )
    if outside:
        nodes = [node, *_parts(path, ring)]
        return [actions.Facts(one, [], _services(path, one), host) for one in nodes]
    others = (one for one in _parts(path, ring) if one["cluster"] == node["cluster"])
    peers = list(islice(others, scenarios.PEERS_ASKED))
    return [actions.Facts(node, peers, _services(path, node), host)]


def _parts(path: str, names: Iterable[str]) -> Iterator[dict[str, Any]]:
    found = (files.read(path, name) for name in names)
    # What a node lacks whose devices were refused, no action can follow from.
    return (one for one in found if one["observed"] and one["usable"] and "balances" in one)


def _services(path: str, node: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    if not node["balances"]:
        return {}
    listed = wire.unpack(files.read_services(path, str(node["name"])))
    return {one["name"]: one for one in listed if one["name"].startswith(OUR_SERVICES)}


def _say(name: str, chosen: list[str], skipped: str | None) -> None:
    count = f"[{chosen.index(name) + 1}/{len(chosen)}]"
    if skipped:
        Display().display(f"[=] Skipping test [{name}] {count} ({skipped})")
    else:
        Display().display(f"[=] Test [{name}] {count}")


def _tell(node: str, results: Iterable[Mapping[str, Any]]) -> None:
    for one in results:
        if not one["ok"]:
            Display().display(
                f"  [x] {one['scenario']}, {node}: {one['source']} -> {one['target']} ({one['command']}): "
                f"expected {one['expected']}, saw {one['saw']}"
            )
