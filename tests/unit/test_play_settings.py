# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a play needs before it has hosts: which hosts, and how many at a time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.podnet.fabric.plugins.filter.play_settings import batches, node_group

ROOT = Path(__file__).parent.parent.parent
GROUPS = {"all": ["a", "b"], "podnet_nodes": ["a"], "edge": ["b"], "none": []}


@pytest.mark.parametrize(
    ("given", "group"), [("", "podnet_nodes"), (" ", "podnet_nodes"), ("edge", "edge")]
)
def test_the_group_of_a_play(given, group):
    assert node_group(given, GROUPS) == group


def test_a_group_variable_does_not_leave_a_run_green_that_does_nothing(tmp_path):
    """As an extra variable it counts; in every playbook of the network."""
    edge = {"hosts": {"a": {}}, "vars": {"podnet_node_group_name": "edge"}}
    (tmp_path / "hosts.json").write_text(json.dumps({"edge": edge}))

    def hosts(*options: str) -> subprocess.CompletedProcess[str]:
        ansible = [sys.executable, "-m", "ansible.cli.playbook", "--list-hosts"]
        return subprocess.run(
            [*ansible, "-i", tmp_path / "hosts.json", *options, "podnet.fabric.site"],
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections")},
            capture_output=True,
            text=True,
            check=False,
        )

    refused, taken = hosts(), hosts("-e", "podnet_node_group_name=edge")
    assert refused.returncode != 0
    assert "valid is the group of the cluster's nodes, as an extra variable" in refused.stderr
    assert taken.returncode == 0, taken.stderr
    assert taken.stdout.count("hosts (1):") == 2
    for playbook in ("site", "status", "health", "why", "teardown", "lab_workloads"):
        for play in yaml.safe_load((ROOT / f"playbooks/{playbook}.yml").read_text()):
            assert "podnet.fabric.node_group(groups)" in play["hosts"], playbook


def test_an_inventory_without_hosts_is_for_ansible_to_speak_of():
    assert node_group("", {"all": [], "ungrouped": []}) == "podnet_nodes"


@pytest.mark.parametrize(
    ("given", "groups", "begins"),
    [
        ("", {"all": ["a"]}, "podnet_node_group_name is not set, and the inventory has no hosts"),
        ("none", GROUPS, "podnet_node_group_name is 'none', and the inventory has no hosts in"),
        ("egde", GROUPS, "podnet_node_group_name is 'egde', and "),
        (["edge"], GROUPS, "podnet_node_group_name is ['edge'], and "),
    ],
)
def test_a_group_without_hosts_is_refused(given, groups, begins):
    with pytest.raises(AnsibleFilterError, match=re.escape(begins)) as raised:
        node_group(given, groups)
    assert "as an extra variable" in str(raised.value)


@pytest.mark.parametrize(
    ("given", "of_hosts", "sizes"),
    [
        ("", {}, ["100%"]),
        (1, {}, [1]),
        ("1", {}, ["1"]),
        ("1, 25%\n100%", {}, ["1", "25%", "100%"]),
        ("[1, 100%]", {}, [1, "100%"]),
        ([1, "100%"], {}, [1, "100%"]),
        ("", {"a": 1, "b": 1, "gateway": None}, [1]),
        ("", {"a": "", "b": ""}, ["100%"]),
        ("2", {"a": 1}, ["2"]),
    ],
)
def test_the_batches_of_a_play(given, of_hosts, sizes):
    hostvars = {
        host: {} if value is None else {"podnet_serial": value} for host, value in of_hosts.items()
    }
    assert batches(given, hostvars) == sizes


@pytest.mark.parametrize("given", [0, "0", -1, "101%", "0%", "one", [1, "x"], True, {"a": 1}, 1.5])
def test_batches_that_are_none(given):
    with pytest.raises(AnsibleFilterError, match=r"podnet_serial is .*; valid is how many nodes"):
        batches(given, {})


def test_batches_that_differ():
    hostvars = {"a": {"podnet_serial": 1}, "b": {"podnet_serial": 2}}
    with pytest.raises(AnsibleFilterError, match="podnet_serial is 1 on a and 2 on b; valid is "):
        batches("", hostvars)
