# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people see of a run: a first check, the demo's screen, status, health; what is handed on."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from .cluster import HERE, ROOT

#: A line of a report fits on a screen.
WIDTH = 100


#: So that a run shows it.
SHOWN = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_SHOW_CUSTOM_STATS": "True"}


def handed_on(run):
    """Return what a run hands on to the next job of a workflow."""
    shown = run.output.partition("CUSTOM STATS: ")[2]
    return json.loads(re.search(r"^\tRUN: (\{.*\})$", shown, re.M)[1])


@pytest.fixture(scope="module")
def status(demo, tmp_path_factory):
    """A run of status by a user with sudo, with all that can be asked for, and its report file."""
    folder = tmp_path_factory.mktemp("status")
    asked = {
        "podnet_verbose": True,
        "podnet_status_fail": True,
        "podnet_report_file": str(folder / "report.json"),
        "ansible_become": True,
        "ansible_become_exe": str(HERE / "there/sudo"),
        "ansible_become_flags": f"--used={folder}/used",
    }
    words = ("-e", json.dumps(asked))
    run = demo.play(
        "status",
        *words,
        ANSIBLE_BECOME_ALLOW_SAME_USER="True",
        **SHOWN,
    )
    return folder, run.ok()


def test_the_first_check_is_short_and_has_no_raw_hex(demo):
    lines = demo.first_check.output.splitlines()
    assert 100 < len(lines) < 310, demo.first_check.output
    assert any(line.startswith("+ipcache 10.111.160.0/25: node 10.111.0.") for line in lines)
    # Devices of pods and MAC addresses are names.
    plain = [re.sub(r"\bpn_[0-9a-f]{12}\b|\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b", "", x) for x in lines]
    assert [line for line in plain if re.search(r"\b(0x)?(?=\w*\d)[0-9a-f]{8,}\b", line)] == []
    assert [line for line in plain if "\\x" in line] == []


def test_what_every_node_is_told_one_says(demo):
    text = demo.first_check.output
    assert len(re.findall(r"^\+sysctl net\.ipv4\.conf\.pn_host\.rp_filter: ", text, re.M)) == 1
    assert len(re.findall(r"^Set forwarding; .*: as on node-", text, re.M)) == 2
    assert text.count("drop_scratch") == 1


def test_a_check_ends_with_what_would_change(demo):
    lines = demo.first_check.result("node-e6e4d", "Show what changed")["msg"]
    assert lines[0] == "Changes:                3/3 nodes would change"
    assert "  Set forwarding" in {line[:16] for line in lines}
    assert lines[-1] == "Next:                   run it without --check"


def test_the_demo_ends_in_one_screen(demo):
    lines = demo.screen.splitlines()
    assert len(lines) < 50, demo.screen
    log = Path(re.fullmatch(r"What Ansible prints is in (.*)\.", lines[0])[1])
    assert log.read_text().count("PLAY RECAP") == 4
    assert [line.partition(" … ")[0] for line in lines[1:5]] == [
        *("Build the lab", "Bring up the network and its pods", "Read its status", "Probe it"),
    ]
    assert all(re.search(r" … done, \d+ s$", line) for line in lines[1:5])
    assert "Pods:                   20/20 ready, 0 pending" in lines
    assert lines.count("Verdict:                OK") == 2
    assert "Cluster health:         3/3 reachable" in lines
    commands = [line.partition(":  ")[2].split() for line in lines[lines.index("Try:") + 1 :]]
    assert len(commands) == 5
    for command in commands[:-1]:  # the last one takes it away
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert commands[-1] == ["./lab", "down", demo.lab]


def test_a_demo_that_fails_shows_the_end_of_what_ansible_said(tmp_path):
    inventory = tmp_path / "wrong.yml"
    inventory.write_text("{podnet_nodes: {hosts: {node-1: {}}, vars: {podnet_lab: no/lab}}}")
    command = [ROOT / "lab", "demo", "--log", tmp_path / "log", "-i", inventory]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode not in (0, None)
    assert "Build the lab … failed, " in done.stdout
    assert "failed=1" in (tmp_path / "log").read_text()
    assert (tmp_path / "log").read_text().splitlines()[-1] in done.stdout
    assert f"all that it said is in {tmp_path}/log.\n" in done.stdout


def test_a_demo_whose_inventory_is_not_there_says_so_at_once(tmp_path):
    command = [ROOT / "lab", "demo", "--log", tmp_path / "log", "-i", tmp_path / "nosuch.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lab: The inventory is not read: ")
    assert "nosuch.yml" in done.stderr


def test_status_shows_the_cluster_first_and_a_list_of_short_lines(demo, status):
    _folder, run = status
    first, *_others = demo.nodes
    lines = run.result(first, "Show the cluster")["msg"]
    assert lines[:2] == ["Cluster:                demo", "Verdict:                OK"]
    for node in demo.nodes:
        shown = run.result(node, "Show the node's status")["msg"]
        assert {"Routes:                 3/3 present", "Neighbors:              0/0 present"} < {
            *shown
        }
        assert max(map(len, [*lines, *shown])) < WIDTH
        assert f'"{shown[0]}",' in run.output  # each on a line of its own
    assert run.output.index("[Show the cluster]") < run.output.index("[Show the node's status]")


def test_without_a_page_nobody_is_probed(status):
    _folder, run = status
    asked = [event for event in run.events if event.status != "skipped"]
    assert not [one.task for one in asked if re.search(r"responders|Probe|the page", one.task)]


def test_the_report_file_needs_no_become_where_ansible_runs(demo, status):
    folder, run = status
    for node in demo.nodes:  # there it was used, and the file is the node's own
        assert {*demo.exec(node, "cat", f"{folder}/used").split()} == {node}
    assert not (folder / "used").exists(), (folder / "used").read_text()
    assert {path.name for path in folder.iterdir()} == {"report.json"}
    assert (folder / "report.json").stat().st_mode & 0o777 == 0o600
    assert {*json.loads((folder / "report.json").read_text())} == {*demo.nodes}
    assert run.changed == {}


def test_what_is_handed_on_does_not_disturb_the_next_job(demo, status):
    """AWX makes extra variables of what one job of a workflow hands on to the next."""
    _folder, run = status
    given = handed_on(run)
    assert given["podnet_status_summary"]["ok"] is True
    assert given["podnet_status_summary"]["clusters"]["demo"]["pods"]["ready"] == 20
    node, *_others = demo.nodes
    probed = demo.play("health", "-e", json.dumps(given), **SHOWN).ok()
    more = handed_on(probed)["podnet_health_summary"]
    assert (more["ok"], more["reachable"], more["total"]) == (True, 3, 3)
    given["podnet_health_summary"] = more
    again = demo.play("site", "-e", json.dumps(given), **SHOWN).ok()
    assert handed_on(again)["podnet_changes"]["nodes"] == dict.fromkeys(demo.nodes, 0)
    assert again.result(node, "Show what changed")["msg"] == [
        "Changes:                nothing changed: the network is as planned"
    ]
