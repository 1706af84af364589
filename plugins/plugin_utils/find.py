# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the files of a playbook are looked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from ansible.errors import AnsibleError

from ..module_utils.engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping


def finder(action: Any, option: str, task_vars: Mapping[str, Any]) -> Callable[[str], str]:
    """Return what finds a file or a folder as roles and playbooks do, or else beside the inventory.

    :param action: the action plugin that looks for it.
    :param option: what named the file.
    """

    def find(name: str) -> str:
        try:
            return str(action._find_needle("files", name))
        except AnsibleError:
            beside = Path(str(task_vars.get("inventory_dir") or ""), name)
            if task_vars.get("inventory_dir") and beside.exists():
                return str(beside)
            raise Failure(
                f"{option} is {name!r}, which is not found; valid is a file beside the "
                "playbook, in its files/, beside the inventory, or with its whole path."
            ) from None

    return find
