# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node's network as its last run left it, by the steps of that run: at a boot, without Ansible.

The order is that of a run, in which no pod is reached before its policy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..ebpf import bpf_compile
from ..engine import lock
from ..engine.bpf import objects
from ..engine.change import Changes
from ..engine.failure import Failure, Unfinished
from ..engine.spec import Call
from ..installed import compiled, confirmed, plan, trouble
from ..steps import converge, parts
from ..steps.given import Given, programs
from . import underlay

if TYPE_CHECKING:
    from collections.abc import Callable

#: Steps whose work a boot leaves as it is.
ON_DISK = ("node_command", "boot")


def restore(say: Callable[[str], None], seconds: float) -> bool:
    """Bring the network back; say whether all of it is there.

    :param say: called with a line for each thing that a person should know.
    :param seconds: how long to wait for what the network stands on.
    :raises Failure: in a sentence, what stands in the way; nothing is done then.
    """
    try:
        whole = _restored(say, seconds)
    except Failure as failure:
        trouble.note(failure.message)
        raise
    trouble.clear()
    return whole


def _restored(say: Callable[[str], None], seconds: float) -> bool:
    kept = confirmed.read()
    if kept is None:
        say("no run of podnet.fabric.site has ended on this node: there is nothing to bring back")
        return True
    node = underlay.settled(kept["node"], say, seconds)
    given = _given(kept, node)
    call = call_of(say)
    whole = True
    with lock.held("boot"):
        _plan_of(node, say)
        for part in parts.PARTS:
            steps = [step for step in parts.steps(part, node) if step.module not in ON_DISK]
            try:
                done = converge.converge(steps, given, call)
            except Unfinished as failure:
                done, whole = failure.details, False
                for what, why in failure.unfinished.items():
                    say(f"{what}: {why}")
            for step in done["steps"]:
                say(f"{step['name']}: {step['count']}")
    return whole


def _plan_of(node: dict[str, Any], say: Callable[[str], None]) -> None:
    """Let the node be judged by what comes back: a run that was ended may have planned more."""
    changes = Changes()
    plan.plan(node, changes)
    changes.apply(check_mode=False)
    if changes.steps:
        say(f"{plan.PATH}: as planned by the last run that came to its end")


def _given(kept: dict[str, Any], node: dict[str, Any]) -> Given:
    sources = kept["sources"]
    items = programs(parts.PARTS, node)
    keys = bpf_compile.keys(items, sources, objects.machine()) if items else {}
    found = compiled.read(keys.values())
    lost = [name for name, key in keys.items() if key not in found]
    if lost:
        raise Failure(
            f"The compiled programs {', '.join(lost)} are not kept in {compiled.FOLDER}; run "
            "podnet.fabric.site, which brings them."
        )
    for key, one in found.items():
        objects.read(one, key)
    return Given(
        node,
        kept["sysctls"],
        {**sources, "objects": found},
        kept["services"],
        kept["policies"],
    )


def call_of(warn: Callable[[str], None]) -> Call:
    """Return what steps are done with where there is no Ansible."""
    return Call(check_mode=False, require=_require, warn=warn)


def _require(library: str) -> None:
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise Failure(f"This needs the Python library {library}: {error}.") from error
