# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""With whichever ansible-core runs these tests: plugins load, and a cluster comes, stands and goes.

`make test-versions` runs them with the oldest one and with the newest; one between runs all other
tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.cluster import ROOT, Cluster, inventory

BIN = Path(sys.executable).parent
COLLECTIONS = ROOT / ".build/collections"
SYSTEM_PYTHON = "/usr/bin/python3"


def test_everything_is_documented():
    done = subprocess.run(
        [BIN / "ansible-doc", "--metadata-dump", "podnet.fabric"],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    documented = json.loads(done.stdout)["all"]
    for kind, folder in (("module", "plugins/modules"), ("role", "roles")):
        there = {path.stem for path in (ROOT / folder).glob("[a-z]*")}
        assert set(documented[kind]) == {f"podnet.fabric.{name}" for name in there}
    assert "podnet.fabric.netns" in documented["connection"]
    assert "podnet.fabric.nth_address" in documented["filter"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(inventory(2), tmp_path_factory.mktemp("versions"))
    made.forks = False  # what this Ansible says when it is imported is said, too
    try:
        yield made.up()
    finally:
        made.down()


@pytest.fixture(autouse=True)
def no_warnings(cluster, monkeypatch):
    """Nothing of ours is deprecated, whatever the settings of the newest Ansible are by default."""
    outputs = []

    def play(*words, really=cluster.play, **more):
        run = really(*words, **more)
        outputs.append(run.output)
        return run

    monkeypatch.setattr(cluster, "play", play)
    yield
    assert not [line for output in outputs for line in output.splitlines() if "DEPRECA" in line]


def test_check_says_what_the_run_does(cluster):
    predicted = cluster.play("site", "--check", "--diff").ok()
    done = cluster.play("site").ok()
    assert predicted.changed.keys() == done.changed.keys() == cluster.nodes.keys()


def test_a_rerun_changes_nothing_and_status_and_health_with_facts_that_are_no_variables(cluster):
    runs = {
        playbook: cluster.play(playbook, ANSIBLE_INJECT_FACT_VARS="False").ok()
        for playbook in ("site", "status", "health")
    }
    assert runs["site"].changed == {}
    assert "Nodes:                  2/2 usable" in runs["status"].output
    assert "2/2 reachable" in runs["health"].output
    assert [playbook for playbook, run in runs.items() if "DEPRECATION" in run.output] == []


def test_teardown(cluster):
    cluster.play("teardown").ok()
    for name in cluster.nodes:
        assert "pn_" not in cluster.exec(name, "ip", "link")


def test_under_a_python_without_libraries(cluster, tmp_path):
    subprocess.run([SYSTEM_PYTHON, "-m", "venv", "--without-pip", tmp_path / "v"], check=True)
    python = f"ansible_python_interpreter={tmp_path}/v/bin/python"
    assert cluster.play("site", "-e", python).ok().changed.keys() == cluster.nodes.keys()
    assert cluster.play("site", "-e", python).ok().changed == {}
    cluster.play("teardown", "-e", python).ok()
