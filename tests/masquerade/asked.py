# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module ``nat_info`` says on a node, and of what it warns."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from tests.cluster.cluster import BIN, ROOT

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster


def nat_info(cluster: Cluster, node: str, arguments: str) -> dict[str, Any]:
    """Run the module on a node; return its result, with the ``warnings``."""
    words = ("-i", str(cluster.folder / "inventory.json"), "-m", "podnet.fabric.nat_info")
    done = subprocess.run(
        [str(BIN / "ansible"), *words, "-a", arguments, node],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return {**json.loads(done.stdout.partition("=>")[2]), "output": done.stdout + done.stderr}
