# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables of hosts as a task sees them, wherever people put them.

``hostvars`` has those of the inventory and of the command line alone. A play, a role, a block or an
include may give more, and Ansible knows which of several counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def of_host(task: Any, task_vars: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return what a task would see if it ran for a host, templates as they were written.

    :param task: the task that runs, for whichever host.
    :param task_vars: what it sees there.
    """
    return _of(task, task_vars, host, seen_by=task)


def given_to(task: Any) -> set[str]:
    """Return the names that a task's role, blocks or includes give a value to.

    Defaults of roles are not among them: those of a play's roles are for all of its tasks.
    """
    given = {*task.get_vars(), *task.get_include_params()}
    role = task._role
    if role is not None:
        given |= {*role.get_vars(task.get_dep_chain(), include_params=True)}
    return given


def of_play(task: Any, task_vars: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return what a host has in the play of a task, wherever in it: the same without the task."""
    return _of(task, task_vars, host, seen_by=None)


def _of(task: Any, task_vars: Mapping[str, Any], host: str, *, seen_by: Any) -> dict[str, Any]:
    hostvars = task_vars["hostvars"]
    found: dict[str, Any] = hostvars._variable_manager.get_vars(
        play=task.get_play(),
        host=hostvars._inventory.get_host(host),
        task=seen_by,
        include_hostvars=False,
        # Without these Ansible looks all hosts of the play up once more for each of them.
        _hosts=task_vars["ansible_play_batch"],
        _hosts_all=task_vars["ansible_play_hosts_all"],
    )
    return found
