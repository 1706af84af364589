# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write what each task came to into a file, one line of JSON a host and task."""

from __future__ import annotations

import json
from pathlib import Path

from ansible.parsing.ajson import AnsibleJSONEncoder
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: journal
type: notification
short_description: Write what each task came to into a file
description:
  - For tests, which ask what a run changed and not what it printed.
options:
  path:
    description: The file.
    type: path
    required: true
    env:
      - name: JOURNAL_PATH
"""


class CallbackModule(CallbackBase):
    """A journal of a run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "journal"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result):
        self._write("changed" if result._result.get("changed") else "ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._write("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result):
        self._write("unreachable", result)

    def v2_runner_on_skipped(self, result):
        self._write("skipped", result)

    def _write(self, status, result):
        line = {
            "host": result._host.get_name(),
            "task": result._task.name,
            "status": status,
            "result": result._result,
        }
        with Path(self.get_option("path")).open("a") as journal:
            journal.write(json.dumps(line, cls=AnsibleJSONEncoder) + "\n")
