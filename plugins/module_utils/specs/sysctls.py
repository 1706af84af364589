# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``sysctls``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.spec import Spec
from ..network import sysctls

if TYPE_CHECKING:
    from ..engine.change import Changes
    from ..engine.spec import Call, Params


def _work(given: Params, call: Call) -> dict[str, Any]:
    changes = _changes(given, call)
    for warning in changes.warnings:
        call.warn(warning)
    return changes.result()


def _changes(given: Params, call: Call) -> Changes:
    if given["state"] == "restored":
        return sysctls.restore(check_mode=call.check_mode)
    return sysctls.converge(
        given["values"],
        remember=given["remember"],
        restore=given["restore"],
        ranges={name: str(value) for name, value in given["ranges"].items()},
        netns=given["netns"],
        check_mode=call.check_mode,
    )


SPEC = Spec(
    arguments={
        "values": {"type": "dict", "default": {}},
        "ranges": {"type": "dict", "default": {}},
        "remember": {"type": "bool", "default": False},
        "restore": {"type": "list", "elements": "str", "default": []},
        "netns": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "restored"], "default": "present"},
    },
    work=_work,
)
