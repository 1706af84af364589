# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes the page about a run's clusters where Ansible runs, out of what their nodes have said."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan import files
from ansible_collections.podnet.fabric.plugins.module_utils.policy import matrix, wire
from ansible_collections.podnet.fabric.plugins.module_utils.reports.page import build
from ansible_collections.podnet.fabric.plugins.plugin_utils import page, report_files, reported
from ansible_collections.podnet.fabric.plugins.plugin_utils.action import Action
from ansible_collections.podnet.fabric.plugins.plugin_utils.plain import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SCENARIO = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "required": True, "choices": ["passed", "failed", "skipped"]},
    "seconds": {"type": "float"},
    "reason": {"type": "str"},
    "actions": {"type": "list", "elements": "dict"},
}
ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "clusters": {"type": "dict", "default": {}},
    "plan": {"type": "str"},
    "scenarios": {"type": "list", "elements": "dict", "default": [], "options": SCENARIO},
    "flows": {"type": "list", "elements": "dict", "default": []},
    "state": {"type": "str", "choices": ["written", "writable"], "default": "written"},
}
_VARIABLE = "podnet_report_page"
_SUFFIXES = (".html", ".htm")


class ActionModule(Action):
    """Write the page, in check mode, too: it is of the controller, and asked for."""

    _requires_connection = False

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the path of the page."""
        arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)[1]
        given = arguments["path"]
        path = report_files.check(_VARIABLE, given, _SUFFIXES)
        if arguments["state"] == "written":
            play = task_vars["hostvars"], task_vars["ansible_play_hosts_all"]
            clusters = plain(arguments["clusters"]).values()
            found = build.page(
                [cluster_of(each, arguments["plan"], *play) for each in clusters],
                when=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
                tested=plain(arguments["scenarios"]),
                flows=plain(arguments["flows"]),
            )
            report_files.write(_VARIABLE, given, page.render(found), _SUFFIXES)
        return {"changed": False, "path": str(path)}


def cluster_of(
    summary: dict[str, Any], folder: str | None, hostvars: Any, hosts: Collection[str]
) -> dict[str, Any]:
    """Return what ``build.cluster`` takes: of a cluster, of its plan, and of what its nodes said.

    :param hosts: those of the play.
    """
    names = [node["name"] for node in summary["nodes"]]
    here = [name for name in names if name in hosts]
    # Who was to probe said something, and be it that it failed.
    asked = any("podnet_health" in hostvars[name] for name in here)
    probed, failures = reported.probes(here, hostvars) if asked else (None, None)
    return {
        "summary": summary,
        "reported": plain(reported.statuses(summary, hostvars)),
        "places": {name: files.place(folder, name) for name in names} if folder else {},
        "matrix": _matrix(summary, folder, names) if folder else None,
        "probed": plain(probed),
        "failures": plain(failures),
    }


def _matrix(summary: Mapping[str, Any], folder: str, names: list[str]) -> dict[str, Any] | None:
    """Return who may talk to whom; None without policies, or with more than a matrix can show."""
    packed = files.read_all_policies(folder, summary["name"], names)
    if not packed:
        return None
    labels = wire.unpack(files.read_all_labels(folder, summary["name"])).get("labels", [])
    try:
        return matrix.matrix([wire.unpack([one]) for one in packed], labels)
    except Failure:
        return None
