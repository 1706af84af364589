# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""docs/reuse.md as it is written: one role in a scenario, one module in a playbook."""

from __future__ import annotations

import re

import pytest

from .pages import commands, section, write_files


@pytest.fixture
def project(home, tmp_path):
    """Write the files of a section; return its commands. The lab gets a name of its own."""

    def write(heading):
        text = section(home.collection / "docs/reuse.md", heading)
        write_files(text.replace("podnet_lab: shop", f"podnet_lab: {home.lab}"), tmp_path)
        return tmp_path, commands(text)

    yield write
    home.run(f"{home.collection}/lab down {home.lab}")


def test_a_scenario_of_molecule_gives_its_hosts_pods(home, project):
    folder, (molecule,) = project("A lab of one's own in a molecule scenario")
    output = home.run(molecule, cwd=folder)
    reached = re.findall(r"\(item=(192\.168\.\d+\.\d+)\)", output)
    assert len(reached) == 8, output  # from two hosts two pods and two health endpoints
    assert home.lab not in home.run(f"{home.collection}/lab list")


def test_a_program_of_ones_own_counts_packets(home, project):
    folder, (run, away) = project("One module in a playbook")
    home.run(run, cwd=folder)
    lab = f"{home.collection}/lab -l {home.lab} exec"
    dump = f"{lab} one bpftool -j map dump pinned /sys/fs/bpf/mine/packets"
    before = home.run(dump)
    home.run(f"{lab} other ping -c 3 -i 0.01 -W 2 192.168.7.1")
    assert home.run(dump) != before
    assert re.search(r"one +: ok=\d+ +changed=0 ", home.run(run, cwd=folder))
    home.run(away, cwd=folder)
    assert home.lab not in home.run(f"{home.collection}/lab list")
