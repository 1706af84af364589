# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``restoration``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..command import archive
from ..engine.change import Changes
from ..engine.spec import Spec
from ..installed import command
from ..restoration import converge
from ..restoration.entries import KINDS

if TYPE_CHECKING:
    from ..engine.spec import Call, Params


def _work(given: Params, call: Call) -> dict[str, Any]:
    entries = {kind: given[kind] for kind in KINDS}
    changes = Changes()
    if given["command"]:
        command.plan(archive.digest(), archive.digest_of, archive.build, changes)
    done = converge.converge(entries, given["ifindex"], changes, check_mode=call.check_mode)
    return done.result()


SPEC = Spec(
    arguments={
        **{kind: {"type": "list", "elements": "dict", "required": True} for kind in KINDS},
        "ifindex": {"type": "int", "required": True},
        "command": {"type": "bool", "default": True},
    },
    work=_work,
    needs=("pyroute2",),
)
