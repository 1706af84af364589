"""What a killed run leaves where Ansible runs goes with the next one, and nothing else does."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ansible import constants
from ansible_collections.podnet.fabric.plugins.plugin_utils import run_folder

RUN = """
import sys, tempfile
from ansible import constants
sys.path.insert(0, sys.argv[1])
from ansible_collections.podnet.fabric.plugins.plugin_utils import run_folder
tempfile.mkdtemp(prefix="podnet-plan-", dir=run_folder.here())
(run_folder.here() / "podnet-observed").mkdir()
(run_folder.here() / "podnet-observed/abc").write_text("{}")
print(run_folder.here(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path):
    """Start what makes the folders of a run, as Ansible's process would; return it and its own."""
    started = []

    def start():
        command = [
            sys.executable,
            "-c",
            RUN,
            next(path for path in sys.path if path.endswith("collections")),
        ]
        process = subprocess.Popen(
            command,
            env={"ANSIBLE_LOCAL_TEMP": str(tmp_path), "HOME": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, Path(process.stdout.readline().strip())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.fixture
def mine(tmp_path, monkeypatch):
    own = tmp_path / "ansible-local-1abcdefgh"
    own.mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(own))
    return own


def test_a_killed_run_leaves_nothing_to_the_next(run, mine):
    (killed, left), (_living, kept) = run(), run()
    kill(killed)
    assert {path.name[:11] for path in left.iterdir()} == {
        "podnet-plan",
        "podnet-obse",
        "podnet-owne",
    }
    run_folder.sweep()
    assert not left.exists()
    assert len(list(kept.iterdir())) == 3
    assert mine.exists()


def test_what_is_not_ours_stays(run, mine, tmp_path):
    killed, left = run()
    kill(killed)
    (left / "theirs").write_text("x")
    (tmp_path / "ansible-local-other").mkdir()
    run_folder.sweep()
    assert [path.name for path in left.iterdir()] == ["theirs"]
    assert (tmp_path / "ansible-local-other").exists()


def test_a_number_of_another_machine_is_no_process_here(run, mine):
    killed, left = run()
    kill(killed)
    (left / "podnet-owner").write_text("another boot pid:[1]")
    run_folder.sweep()
    assert len(list(left.iterdir())) == 3
