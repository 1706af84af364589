# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes a report where Ansible runs: by no connection, and with no rights but its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.engine import files
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
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
        variable = "podnet_junit_file" if arguments["report"] is None else "podnet_report_file"
        path = Path(arguments["path"]).expanduser().absolute()
        if path.is_dir() or not path.parent.is_dir():
            raise Failure(
                f"{variable} is {arguments['path']!r}; valid is a file in a folder that "
                "there is on the controller."
            )
        text = arguments["text"] or (
            json.dumps(arguments["report"], indent=4, sort_keys=True) + "\n"
        )
        try:
            files.write(path, text.encode())
        except OSError as error:
            raise Failure(
                f"{variable} is {arguments['path']!r}, which cannot be written: "
                f"{error.strerror}; valid is a file that the user who runs Ansible may write."
            ) from error
        return {"changed": False, "path": str(path)}
