# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``mounts``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ebpf import mounts
from ..engine.spec import Spec

if TYPE_CHECKING:
    from ..engine.spec import Call, Params


def _work(given: Params, call: Call) -> dict[str, Any]:
    work = mounts.converge if given["state"] == "present" else mounts.remove
    return work(check_mode=call.check_mode).result()


SPEC = Spec(
    arguments={"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}},
    work=_work,
)
