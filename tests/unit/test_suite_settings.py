# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tests have their own settings, whatever the user of the machine has set for his work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Of a user with settings of every kind. With these no playbook would run.
SETTINGS = """
[defaults]
stdout_callback = no_such_callback
collections_path = /nonexistent
interpreter_python = /usr/bin/false
hash_behaviour = merge
[privilege_escalation]
become = true
become_user = nobody
"""
SHOWS = """
import subprocess, sys

def test_it(tmp_path):
    (tmp_path / "play.yml").write_text("[{hosts: localhost, tasks: [{ping: }]}]")
    command = [sys.executable, "-m", "ansible.cli.playbook", "-i", "localhost,", "play.yml"]
    command += ["-c", "local", "-e", "ansible_python_interpreter=/usr/bin/python3"]
    subprocess.run(command, cwd=tmp_path, check=True)
"""


def test_a_playbook_runs_in_a_test_whatever_the_user_has_set(tmp_path):
    (tmp_path / ".ansible.cfg").write_text(SETTINGS)
    file = tmp_path / "test_sample.py"
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "LC_ALL": "C",
        "LANG": "de_DE.ISO-8859-1",
        "TZ": "Pacific/Chatham",
        "COLUMNS": "20",
        "ANSIBLE_BECOME": "1",
        "ANSIBLE_INVENTORY_ENABLED": "nothing",
    }
    file.write_text(SHOWS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", str(file)],
        cwd=ROOT,
        env=environment,
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
