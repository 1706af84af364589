# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Other versions of the collection: copies of the checkout in which something is different."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.cluster.cluster import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("plugins", "roles", "playbooks", "bpf", "meta", "galaxy.yml")
RENDER = """
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.header import render
print(render()["maps.h"], end="")
"""


def _copy(folder: Path) -> Path:
    checkout = folder / "ansible_collections" / "podnet" / "fabric"
    checkout.mkdir(parents=True)
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, checkout / part)
    return checkout


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
    file.write_text(text.replace(old, new))


def other_programs(folder: Path) -> Path:
    """Make a version in which every program is another one that does the same."""
    checkout = _copy(folder)
    before = "\tif (metrics) {"
    # All programs account; the compiler may not leave this instruction out.
    more = "\tvolatile __u32 version = 2;\n\n\t(void)version;\n"
    _edit(checkout / "bpf/lib/verdict.h", before, more + before)
    return folder


def other_maps(folder: Path) -> Path:
    """Make a version in which the values of the maps that programs read have grown by a field."""
    checkout = _copy(folder)
    utils = checkout / "plugins/module_utils"
    added = '        Field("added", "u32", "nothing yet"),\n'
    for last in (
        "0: not known",
        "0 until it has a use",
        "that its pods have for a gateway",
    ):
        _edit(utils / "datapath/layout.py", f'{last}"),\n', f'{last}"),\n{added}')
    for file, last in (
        ("datapath/tasks.py", '"node": one["node_ip"]'),
        ("datapath/tasks.py", '"netdev_mtu": node["device_mtu"]'),
    ):
        _edit(utils / file, last, last + ', "added": 0')
    for file, last in (
        ("endpoints/converge.py", "flags=ENDPOINT_HOST"),
        ("endpoints/held.py", "link.netnsid + 1"),
    ):
        _edit(utils / file, last, last + ", added=0")
    header = subprocess.run(
        [sys.executable, "-c", RENDER, str(folder)], capture_output=True, text=True, check=True
    )
    (checkout / "bpf/lib/maps.h").write_text(header.stdout)
    return folder
