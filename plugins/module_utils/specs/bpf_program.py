# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``bpf_program``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ebpf import bpf_program, bpf_program_wanted, mounts
from ..engine.bpf import hooks, programs
from ..engine.spec import Spec

if TYPE_CHECKING:
    from ..engine.spec import Call, Params

_STATE = {"type": "str", "choices": ["present", "absent"], "default": "present"}
_ATTACH = {
    "hook": {"type": "str", "required": True, "choices": list(hooks.HOOKS)},
    "device": {"type": "str"},
    "devices": {"type": "list", "elements": "str", "default": []},
    "cgroup": {"type": "path"},
    "tracepoint": {"type": "str"},
    "kernel_function": {"type": "str"},
    "netns": {"type": "str"},
    "state": _STATE,
}
_PROGRAM = {
    "name": {"type": "str", "required": True},
    "src": {"type": "path"},
    "source": {"type": "str"},
    "object": {"type": "path"},
    "remote_src": {"type": "bool", "default": False},
    "dialect": {"type": "str", "choices": ["bcc", "libbpf"], "default": "bcc"},
    "include": {"type": "list", "elements": "str", "default": []},
    "function": {"type": "str"},
    "type": {"type": "str", "choices": sorted(programs.TYPES)},
    "cflags": {"type": "list", "elements": "str", "default": []},
    "defines": {"type": "dict", "default": {}},
    "maps": {"type": "dict", "default": {}},
    "pin": {"type": "path"},
    "link_pins": {"type": "path"},
    "attach": {"type": "list", "elements": "dict", "default": [], "options": _ATTACH},
    "state": _STATE,
}


def _work(given: Params, call: Call) -> dict[str, Any]:
    sources = given["_sources"] or {}
    items = [bpf_program_wanted.wanted(item, given["netns"], sources) for item in given["programs"]]
    mounts.must_be_pinned((item.pin for item in items if item.present), call)
    return bpf_program.converge(
        items,
        mode=given["attach_mode"],
        netns=given["netns"],
        check_mode=call.check_mode,
        require=call.require,
        made=sources.get("objects", {}),
    )


SPEC = Spec(
    arguments={
        "programs": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": _PROGRAM,
            "mutually_exclusive": [("src", "source", "object")],
            "required_if": [("state", "present", ("src", "source", "object"), True)],
        },
        "compile": {"type": "bool", "default": True},
        "attach_mode": {"type": "str", "choices": ["auto", "tcx", "clsact"], "default": "auto"},
        "netns": {"type": "str"},
        "_sources": {"type": "dict"},
    },
    work=_work,
    no_log=True,  # the journal is no place for sources
)
