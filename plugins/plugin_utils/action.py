# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the action plugins have in common: one way to fail, one way to run their module."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase

from ..module_utils.engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping


class Action(ActionBase):  # type: ignore[misc]
    """An action plugin: ``work`` returns the result of the task, or raises Failure."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Do the work of the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            return {**result, **self.work(task_vars or {})}
        except Failure as failure:
            return {**result, "failed": True, "msg": failure.message, **failure.details}

    @abstractmethod
    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the result of the task."""

    def run_module(
        self, name: str, arguments: Mapping[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        """Run a module of the collection on the node.

        Options that begin with ``_`` are for it alone: they would be shown, and registered, once
        more for each node.
        """
        done: dict[str, Any] = self._execute_module(
            module_name=f"podnet.fabric.{name}", module_args=dict(arguments), task_vars=task_vars
        )
        shown = done.get("invocation", {}).get("module_args", {})
        for word in [word for word in shown if word.startswith("_")]:
            del shown[word]
        return done
