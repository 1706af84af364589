# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The step that keeps a node's programs for its boot, as they were compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ebpf import bpf_compile
from ..engine.bpf import objects
from ..engine.change import Changes
from ..engine.spec import Spec
from ..installed import compiled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.spec import Call, Params


def _work(given: Params, call: Call) -> dict[str, Any]:
    items, sources = given["programs"], given["_sources"]
    wanted = bpf_compile.keys(items, sources, objects.machine())

    def made(key: str) -> Mapping[str, Any]:
        sent: dict[str, Any] = sources.setdefault("objects", {})
        if key not in sent:
            call.require("bcc")
            sent.update(bpf_compile.make(items, None, sources)["objects"])
        found: Mapping[str, Any] = sent[key]
        return found

    changes = Changes()
    compiled.plan(wanted, made, changes)
    changes.apply(check_mode=call.check_mode)
    return changes.result()


SPEC = Spec(
    arguments={
        "programs": {"type": "list", "elements": "dict", "required": True},
        "_sources": {"type": "dict"},
    },
    work=_work,
    no_log=True,  # the journal is no place for sources
)
