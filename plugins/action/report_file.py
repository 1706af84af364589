# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes a report where Ansible runs: by no connection, and with no rights but its own."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.podnet.fabric.plugins.plugin_utils import report_files
from ansible_collections.podnet.fabric.plugins.plugin_utils.action import Action

ARGUMENT_SPEC = {
    "report": {"type": "dict"},
    "text": {"type": "str"},
    "path": {"type": "path", "required": True},
}
ONE_OF = [("report", "text")]


class ActionModule(Action):
    """Write the file, in check mode, too: it is of the controller, and asked for."""

    _requires_connection = False

    def work(self, _task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the path of the file."""
        arguments = self.validate_argument_spec(
            argument_spec=ARGUMENT_SPEC, mutually_exclusive=ONE_OF, required_one_of=ONE_OF
        )[1]
        report, text = arguments["report"], arguments["text"]
        variable = "podnet_junit_file" if report is None else "podnet_report_file"
        if report is not None:
            text = json.dumps(report, indent=4, sort_keys=True) + "\n"
        return {"changed": False, "path": report_files.write(variable, arguments["path"], text)}
