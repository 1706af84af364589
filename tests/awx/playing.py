# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook awx, and awxkit, against a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cluster import warm

from .server import TOKEN

if TYPE_CHECKING:
    from .server import Server

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
LISTS = ("projects", "inventory", "inventory_sources", "job_templates")
LISTS += ("workflow_job_templates", "execution_environments")


def play(*arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run the playbook awx with these variables."""
    command = [str(BIN / "ansible-playbook"), "podnet.fabric.awx", *arguments]
    command += ["-e", json.dumps(variables)]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}
    status, output = warm.run(command, environment, Path.cwd())
    return subprocess.CompletedProcess(command, status, output, "")


def bring(server: Server, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Bring a server to the templates."""
    return play(*arguments, awx_url=server.url, awx_token=TOKEN, **variables)


def recap(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return the numbers of the last line, by their words."""
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("localhost  "))
    return {word: int(number) for word, number in (part.split("=") for part in line.split()[2:])}


def awx(server: Server, *words: str, stdin: str = "") -> str:
    """Run awxkit's own command; return what it prints."""
    command = [str(BIN / "awx"), *words]
    done = subprocess.run(
        [*command, "--conf.host", server.url, "--conf.token", TOKEN, "--conf.color", "false"],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def exported(server: Server) -> dict[str, Any]:
    """Return what awxkit exports of a server."""
    text = awx(server, "export", *(f"--{name}" for name in LISTS))
    return dict(json.loads(text))
