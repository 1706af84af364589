# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``node_command``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..command import archive, completion
from ..engine.failure import Failure
from ..engine.spec import Spec
from ..installed.converge import Made, converge

if TYPE_CHECKING:
    from ..engine.spec import Call, Params


def _work(given: Params, call: Call) -> dict[str, Any]:
    if not given["node"] or not given["_folded"]:
        raise Failure(
            f"path: {given['path']!r} is read where Ansible runs, by the action plugin of this "
            "module; call it as podnet.fabric.node_command."
        )
    made = Made(archive.digest(), archive.digest_of, archive.build, completion.texts())
    done = converge(given["node"], given["_folded"], made, check_mode=call.check_mode)
    for sentence in done.pop("warnings"):
        call.warn(sentence)
    return done


SPEC = Spec(
    arguments={
        "path": {"type": "str"},
        "node": {"type": "dict"},
        "_folded": {"type": "dict"},
    },
    work=_work,
    rules={"mutually_exclusive": [("path", "node")], "required_one_of": [("path", "node")]},
    no_log=True,  # the journal is no place for a plan
)
