"""The modules through ansible-playbook itself: wrapping, argument specs, check and diff."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from running import ROOT, do, ip

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  vars:
    ansible_connection: local
    ansible_python_interpreter: /usr/bin/python3
  tasks:
    - podnet.fabric.netns:
        names: ["{{ one }}", "{{ other }}"]
    - podnet.fabric.veth:
        netns: "{{ one }}"
        veths:
          - name: pn_a
            addresses: [10.7.0.1/24]
            peer: {name: eth0, netns: "{{ other }}", addresses: [10.7.0.2/24]}
    - podnet.fabric.bridge:
        netns: "{{ one }}"
        bridges: [{name: br0, addresses: [10.7.1.1/24]}]
    - podnet.fabric.vxlan:
        netns: "{{ one }}"
        vxlans: [{name: pn_vxlan, id: 7, dstport: 4789, master: br0}]
    - podnet.fabric.routes:
        netns: "{{ one }}"
        purge: true
        routes: [{dst: 10.8.0.0/24, via: 10.7.0.2, dev: pn_a}]
    - podnet.fabric.neighbors:
        netns: "{{ one }}"
        purge: true
        neighbors:
          - {type: fdb, dev: pn_vxlan, lladdr: "00:00:00:00:00:00", dst: 10.7.0.2}
          - {dev: pn_a, dst: 10.7.0.9, lladdr: "0a:58:0a:07:00:09"}
"""


@pytest.fixture
def pair():
    names = [f"pt-{uuid.uuid4().hex[:10]}" for number in range(2)]
    yield names
    listed = do("ip", "netns", "list").split()
    for name in names:
        if name in listed:
            do("ip", "netns", "del", name)


def play(path: Path, names: list[str], *more: str) -> str:
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        *("-i", "localhost,", "-e", f"one={names[0]} other={names[1]}", str(path), *more),
    ]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def changed(output: str) -> int:
    found = re.search(r"changed=(\d+)", output)
    assert found
    return int(found[1])


def test_check_run_rerun_and_check_again(pair, tmp_path):
    path = tmp_path / "play.yml"
    path.write_text(PLAYBOOK)
    predicted = play(path, pair, "--check", "--diff")
    assert changed(predicted) == 6
    assert f"route 10.8.0.0/24 in netns {pair[0]}" in predicted
    assert not set(pair) & set(do("ip", "netns", "list").split())

    assert changed(play(path, pair)) == 6
    assert ip(pair[1], "link", "show", "eth0")
    assert ip(pair[0], "link", "show", "pn_vxlan")[0]["master"] == "br0"
    assert ip(pair[0], "route", "show", "10.8.0.0/24")[0]["gateway"] == "10.7.0.2"
    do("ip", "netns", "exec", pair[0], "ping", "-c1", "-W2", "10.7.0.2")

    assert changed(play(path, pair)) == 0
    assert changed(play(path, pair, "--check")) == 0
