# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``teardown``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.spec import Spec
from ..node import teardown

if TYPE_CHECKING:
    from ..engine.spec import Call, Params

_WORDS = {"type": "list", "elements": "str", "required": True}


def _work(given: Params, call: Call) -> dict[str, Any]:
    keep = None if given["keep"] is None else teardown.Keep(**given["keep"])
    return teardown.converge(keep, check_mode=call.check_mode).result()


SPEC = Spec(
    arguments={
        "keep": {
            "type": "dict",
            "options": {
                "devices": _WORDS,
                "programs": _WORDS,
                "attached": {"type": "dict", "default": {}},
                "maps": {"type": "list", "elements": "str", "default": []},
            },
        },
    },
    work=_work,
    needs=("pyroute2",),
)
