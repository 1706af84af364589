# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``policy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.spec import Spec
from ..policy import comparison, converge, wanted, wire

if TYPE_CHECKING:
    from ..engine.spec import Call, Params

_SET = {
    "number": {"type": "int", "required": True},
    "direction": {"type": "str", "required": True, "choices": list(wanted.DIRECTIONS)},
    "policies": {"type": "list", "elements": "str", "required": True},
    "entries": {"type": "list", "elements": "list", "default": []},
}
_POD = {
    "ip": {"type": "str", "required": True},
    "netns": {"type": "str"},
    **{
        word: {"type": "int", "default": 0}
        for word in ("ingress", "egress", "audit_ingress", "audit_egress")
    },
}
_PLAIN = ("partition", "classes", "sets", "pods", "rules")


def _work(given: Params, call: Call) -> dict[str, Any]:
    packed = given["_policies"]
    options = {word: given[word] for word in _PLAIN} if packed is None else wire.unpack(packed)
    does = comparison.Does(given["write"], given["purge"])
    labels = given["_labels"]
    groups = None if labels is None else wire.unpack(labels).get("labels", [])
    return converge.converge(wanted.read(options), does, check_mode=call.check_mode, groups=groups)


SPEC = Spec(
    arguments={
        "partition": {"type": "int"},
        "classes": {"type": "dict"},
        "sets": {"type": "list", "elements": "dict", "options": _SET},
        "pods": {"type": "list", "elements": "dict", "options": _POD},
        "rules": {"type": "dict"},
        "write": {"type": "bool", "default": True},
        "purge": {"type": "bool", "default": False},
        "_policies": {"type": "list", "elements": "str"},
        "_labels": {"type": "list", "elements": "str"},
    },
    work=_work,
    rules={"mutually_exclusive": [(word, "_policies") for word in _PLAIN]},
    no_log=True,  # the journal is no place for thousands of entries
)
