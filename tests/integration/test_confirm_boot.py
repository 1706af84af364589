# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node that boots while a change is pending on it."""

from __future__ import annotations

from pathlib import Path

from node_support import bare_node
from running import do
from systemd_host import booted_node
from test_boot import boot, converge, load, save
from test_confirm import PENDING, Play, another, node, site


def test_a_boot_meanwhile_brings_back_what_was_confirmed(tmp_path):
    with booted_node():
        site(node("web-1"))
        Play(another(), seconds=60).parts()
        save(tmp_path)
    with bare_node():
        load(tmp_path)
        assert "undone" in boot()
        assert "web-1" in do("ip", "netns")
        assert "web-2" not in do("ip", "netns")
        assert not PENDING.exists()
        assert converge(node("web-1")) == {}
        assert boot() == []
        # The command of a change that begins and ends with a boot leaves none of it either.
        assert not Path("/run/podnet-undo.timer").exists()
