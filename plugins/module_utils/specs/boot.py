# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The step that writes down a node's network for its boot, and has the host bring it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ebpf import bpf_compile, bpf_sources
from ..engine.bpf import objects
from ..engine.change import Changes, announce
from ..engine.spec import Spec
from ..installed import confirm, confirmed, pending, runs, systemd
from ..services.remembered import remembered

if TYPE_CHECKING:
    from ..engine.spec import Call, Params


def _work(given: Params, call: Call) -> dict[str, Any]:
    items = given["programs"]
    keys, sources = {}, {}
    if items:
        # The run may have had to do with programs that the node has no more.
        needed = bpf_sources.only(given["_sources"], [item["name"] for item in items])
        keys = bpf_compile.keys(items, needed, objects.machine())
        sources = bpf_sources.without_texts(needed)
    plan = given["_plan"]
    services = remembered(plan["services"], confirmed.services())
    data = confirmed.written({**plan, "services": services}, sources)
    changes = Changes()
    confirm.plan(data, keys.values(), changes)
    if given["_pending"] and not call.check_mode:
        announce()
        pending.keep_after(data, keys.values())
    changes.apply(check_mode=call.check_mode or given["_pending"])
    if not (call.check_mode or given["_pending"]):
        runs.note_whole()
    if changes.steps and not systemd.is_used():
        call.warn(
            "This host has no systemd: after a boot its pod network comes back with the next run, "
            "or by what starts `podnet boot`, and nothing undoes a change that locks you out."
        )
    return changes.result()


SPEC = Spec(
    arguments={
        "programs": {"type": "list", "elements": "dict", "required": True},
        "_sources": {"type": "dict"},
        "_plan": {"type": "dict", "required": True},
        # Whether what it says it does is done by who confirms the run's change.
        "_pending": {"type": "bool", "default": False},
    },
    work=_work,
    no_log=True,  # the journal is no place for a plan
)
