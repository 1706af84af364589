# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables that one role has, and the plan of the run had not.

The network is planned once a run, with what the role of that task is given. A value that a later
role alone is given would have no effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..module_utils.engine.failure import Failure
from ..module_utils.plan import files
from . import scopes
from .plain import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def keep(task: Any, path: str, variables: Collection[str], of_host: Mapping[str, Any]) -> None:
    """Write which variables were planned with, and those that the task or its play was given.

    :param variables: the names of all that the planner reads.
    :param of_host: what the task sees for some host.
    """
    named = {*scopes.given_to(task), *task.get_play().get_vars()}
    given = named.intersection(variables, of_host)
    files.keep_given(path, list(variables), {name: plain(of_host[name]) for name in given})


def check(task: Any, path: str, task_vars: Mapping[str, Any]) -> None:
    """Refuse a value of a task that the plan was not made with.

    :raises Failure: with a sentence for the first of them.
    """
    named = [name for name in scopes.given_to(task) if name.startswith("podnet_")]
    if not named:
        return
    variables, given = files.given(path)
    host = str(task_vars["inventory_hostname"])
    elsewhere = scopes.of_play(task, task_vars, host)
    for name in sorted({*named}.intersection(variables)):
        now = plain(task_vars.get(name))
        then = given[name] if name in given else plain(elsewhere.get(name))
        if now != then:
            raise Failure(
                f"{name} of {host} is {now!r} for the role {task._role}, and was {then!r} when the "
                "network was planned; valid is one value for all roles of the play: give it to the "
                "play, to the inventory, or to podnet.fabric.plan as well."
            )
