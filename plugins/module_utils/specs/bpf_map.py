# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``bpf_map``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ebpf import bpf_map, mounts
from ..ebpf.bpf_map_wanted import CREATABLE, wanted
from ..engine.map_spec import FLAGS
from ..engine.spec import Spec

if TYPE_CHECKING:
    from ..engine.spec import Call, Params

_FIELDS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {"name": {"type": "str"}, "type": {"type": "str", "required": True}},
}
_VALUE = {
    **_FIELDS,
    "options": {**_FIELDS["options"], "keep": {"type": "bool", "default": False}},
}
_MAP = {
    "path": {"type": "path", "required": True},
    "name": {"type": "str"},
    "type": {"type": "str", "choices": list(CREATABLE), "default": "hash"},
    "key": {**_FIELDS, "no_log": False},
    "value": _VALUE,
    "max_entries": {"type": "int", "default": 0},
    "flags": {
        "type": "list",
        "elements": "str",
        "choices": list(FLAGS),
        "default": [],
    },
    "entries": {"type": "list", "elements": "dict", "default": []},
    "purge": {"type": "bool", "default": False},
    "on_mismatch": {"type": "str", "choices": ["fail", "migrate", "grow"], "default": "fail"},
    "old_key": {**_FIELDS, "no_log": False},
    "old_value": _FIELDS,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def _work(given: Params, call: Call) -> dict[str, Any]:
    items = [wanted(item) for item in given["maps"]]
    mounts.must_be_pinned((item.path for item in items if item.present), call)
    return bpf_map.converge(items, check_mode=call.check_mode)


SPEC = Spec(
    arguments={"maps": {"type": "list", "elements": "dict", "required": True, "options": _MAP}},
    work=_work,
)
