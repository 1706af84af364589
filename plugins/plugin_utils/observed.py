# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node knows of the others, from the task that asks it to the plan: in a file of the run.

In a variable it would be a list of a thousand peers for each of a thousand nodes.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import run_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What M(podnet.fabric.node_info) returns that grows with the cluster or with its pods.
LONG = ("peers", "endpoints", "services", "policy_classes")
#: The key that stands for it.
HANDED_OVER = "handed_over"

_FOLDER = "podnet-observed"
_NAME = re.compile(r"[a-z0-9_]+")


def hand_over(observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return an observation with the name of a file in place of what is long.

    Ansible removes the file when the run ends.
    """
    folder = run_folder.here() / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix="", delete=False) as file:
        json.dump({key: observed[key] for key in LONG if key in observed}, file)
    short = {key: value for key, value in observed.items() if key not in LONG}
    return {**short, HANDED_OVER: Path(file.name).name}


def whole(observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return an observation with all that was handed over."""
    name = str(observed.get(HANDED_OVER, ""))
    if not _NAME.fullmatch(name):
        return dict(observed)
    long = json.loads((run_folder.here() / _FOLDER / name).read_text())
    return {**observed, **long}
