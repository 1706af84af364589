# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Out of an empty home all runs that the README and those of the roles show."""

from __future__ import annotations

import json
import os
import re
import shlex

import pytest

from tests.cluster.cluster import ROOT
from tests.gates.parts import PUBLISHING

from .conftest import INSTALL
from .pages import blocks, commands, section, write_files

#: The order of a first run; the two that would take away what the others made come in a second one.
FIRST = [
    *("plan", "node", "native_routing", "endpoints", "services", "masquerade"),
    *("policy", "health", "why", "observe", "connectivity", "underlay"),
]
LAST = ["overlay", "health", "teardown"]


def changed_or_failed(output: str) -> dict[str, tuple[int, int]]:
    """Return by host how many tasks changed something and how many failed."""
    recap = re.findall(
        r"^(\S+) +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=(\d+)", output, re.M
    )
    assert recap, output
    return {host: (int(changed), int(failed)) for host, changed, failed in recap}


def test_the_demo_runs_from_what_is_installed(home):
    lines = commands(section(home.collection / "README.md", "See it work"))
    lines = lines[lines.index(INSTALL) + 1 : lines.index("./lab down demo") + 1]
    said = {}
    where = home.folder
    for line in lines:
        if line.startswith("cd "):
            where = home.folder / line.removeprefix("cd ~/")
        else:
            said[line] = home.run(home.own(line), cwd=where)
    assert where == home.collection
    (screen,) = (output.splitlines() for line, output in said.items() if "./lab demo" in line)
    assert screen.count("Verdict:                OK") == 2, screen
    assert "Cluster health:         3/3 reachable" in screen
    assert f"./lab down {home.lab}" in screen[-1]
    assert home.lab not in home.run("./lab list", cwd=where)


@pytest.fixture(scope="module")
def work(home):
    """The folder of somebody with the ten lines of the README, and the role lab's example."""
    folder = home.folder / "work"
    folder.mkdir()
    (ten,) = blocks(section(home.collection / "README.md", "On your own hosts"), "yaml")
    (folder / "inventory.yml").write_text(ten)
    write_files((home.collection / "roles/lab/README.md").read_text(), folder)
    yield folder
    home.run(f"{home.collection}/lab down {home.lab}")


def node_json(home, node, *command):
    lab = f"{home.collection}/lab -l {home.lab} exec {node} {shlex.join(command)}"
    return json.loads(home.run(lab) or "[]")


def test_the_ten_lines_make_a_network(home, work):
    build, _absent = commands((home.collection / "roles/lab/README.md").read_text())
    output = home.run(home.own(build), cwd=work)
    assert {failed for _changed, failed in changed_or_failed(output).values()} == {0}
    assert "Nodes:                  3/3 usable" in home.run(
        home.own("ansible-playbook -i inventory.yml -i lab.yml podnet.fabric.status"), cwd=work
    )
    (site,) = commands(section(home.collection / "README.md", "On your own hosts"))
    again = site.replace("-i inventory.yml", "-i inventory.yml -i lab.yml")
    output = home.run(home.own(again), cwd=work)
    assert set(changed_or_failed(output).values()) == {(0, 0)}, output


def play(home, work, roles):
    """Run the examples of roles, each as it is written, in one run."""
    for role in roles:
        written = write_files((home.collection / "roles" / role / "README.md").read_text(), work)
        assert f"{role}.yml" in written
    playbooks = " ".join(f"{role}.yml" for role in roles)
    output = home.run(
        home.own(f"ansible-playbook -i inventory.yml -i lab.yml {playbooks}"), cwd=work
    )
    assert {failed for _changed, failed in changed_or_failed(output).values()} == {0}
    return output


@pytest.mark.whole  # each role has a scenario of molecule
def test_the_example_of_each_role_runs(home, work):
    assert {*FIRST, *LAST, "lab"} == {path.name for path in (ROOT / "roles").iterdir()}
    output = play(home, work, FIRST)
    assert '"podnet_node.pod_cidr": "10.111.160.0/25"' in output
    assert "Cluster health: 3/3 reachable" in " ".join(output.split())
    # What the variables of the examples want is there.
    namespaces = node_json(home, "node-1", "ip", "-j", "netns")
    assert {"web-1", "web-4"} <= {one["name"] for one in namespaces}
    lab = f"{home.collection}/lab -l {home.lab} exec node-1"
    logged = f"{lab} sysctl -n net.ipv4.conf.default.log_martians"
    assert home.run(logged) == "1\n"

    output = play(home, work, LAST)
    assert "Cluster health: 3/3 reachable" in " ".join(output.split())
    assert home.run(logged) == "0\n"
    links = {link["ifname"] for link in node_json(home, "node-1", "ip", "-j", "link")}
    assert links == {"lo", "eth0"}
    assert node_json(home, "node-1", "ip", "-j", "netns") == []


NEEDED = ["jmespath", "netaddr"]


def test_an_execution_environment_finds_what_the_controller_needs(home, tmp_path):
    """Given the file by hand, and where it stands in an installed collection."""
    builder = PUBLISHING / "ansible-builder"
    file = home.collection / "meta/execution-environment.yml"
    home.run(f"{builder} create -f {file} -c {tmp_path}/context")
    made = (tmp_path / "context/_build/requirements.txt").read_text().split()
    assert made == NEEDED
    found = home.run(
        f"{PUBLISHING}/python -m ansible_builder._target_scripts.introspect introspect "
        f"--write-pip {tmp_path}/pip --write-bindep {tmp_path}/bindep "
        f"{home.folder}/.ansible/collections"
    )
    lines = (tmp_path / "pip").read_text().splitlines()
    assert sorted(line.partition("#")[0].strip() for line in lines) == NEEDED, found
    assert not (tmp_path / "bindep").exists()


def test_make_hands_its_virtual_environment_to_lab(tmp_path):
    program = tmp_path / "venv/bin/ansible-playbook"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho here $* $ANSIBLE_COLLECTIONS_PATH\n")
    program.chmod(0o755)
    here = f"here podnet.fabric.lab -i x {ROOT}/.build/collections\n"
    make = f"make -sC {ROOT} --eval 'lab-up: ; ./lab up -i x' VENV={tmp_path}/venv lab-up"
    assert os.popen(make).read() == here
