# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every command of README and docs runs as written, on the demo or where ``ELSEWHERE`` says."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.docs.examples import examples

from .cluster import BIN, ROOT
from .commands import ELSEWHERE, commands, texts

if TYPE_CHECKING:
    from .cluster import Cluster
    from .commands import Command

COMMANDS = [one for one in commands() if one.words and not one.is_synopsis]
HERE = [one for one in COMMANDS if not one.text.startswith(tuple(ELSEWHERE))]
ENVIRONMENT = {"PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin"}

#: What differs from run to run.
VARIES = re.compile(r"(?<=time=)[\d.]+")


def run(*words: str) -> str:
    """Run a command from the checkout; it must succeed."""
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def over(demo: Cluster, words: list[str]) -> list[str]:
    """Return a command with the demo's inventory in place of the reader's."""
    inventory = str(demo.folder / "inventory.json")
    return [inventory if before == "-i" else word for before, word in zip(["", *words], words)]


def lab(demo: Cluster, words: list[str]) -> str:
    """Run ``./lab`` on this lab, though there are others; what would not end is ended."""
    command = [str(ROOT / "lab"), "-l", demo.lab, *words[1:]]
    if "tcpdump" not in words:
        return run(*command)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert b"listening on" in b"".join(process.stderr.readline() for _line in range(2))
        process.terminate()
    return ""


WAYS = {
    "./lab": lab,
    "ansible": lambda demo, words: run(*over(demo, words)),
    "ansible-playbook": lambda demo, words: run(*over(demo, words)),
    # Whether there is such a target, and all that it needs.
    "make": lambda demo, words: run(words[0], "--dry-run", *words[1:]),
    **dict.fromkeys(
        ("bpftool", "bridge", "ip", "podnet"),
        lambda demo, words: demo.exec(next(iter(demo.nodes)), *words),
    ),
}


@pytest.mark.parametrize("command", HERE, ids=lambda one: f"{one.page}: {one.text[:60]}")
def test_a_command_runs_as_written(demo: Cluster, command: Command):
    way = WAYS.get(command.words[0])
    assert way, f"neither can it run on the demo, nor is it in ELSEWHERE: {command.text}"
    printed = VARIES.sub("", way(demo, command.words)).splitlines()
    if command.words[0] == "./lab":  # what others print of drops and policies is of other clusters
        assert [line for line in command.prints if VARIES.sub("", line) not in printed] == []


def test_what_runs_elsewhere_is_still_shown():
    shown = [one.text for one in commands()]
    assert [start for start in ELSEWHERE if not any(t.startswith(start) for t in shown)] == []
    for reason in ELSEWHERE.values():
        assert (ROOT / next(word for word in reason.split() if word.startswith("tests/"))).exists()


def test_no_command_hides_in_a_text():
    first = {*WAYS, "$", "git", "cd"}
    hidden = [
        (page, line)
        for page, text in texts()
        for line in text.splitlines()
        if line.split()[:1] and line.split()[0] in first
    ]
    assert hidden == []


def test_the_connection_s_example_reaches_a_host_and_a_pod(demo: Cluster, tmp_path):
    file = tmp_path / "inventory.yml"
    file.write_text(yaml.safe_dump(examples()["connection-netns"]))
    shown = run(
        *(str(BIN / "ansible"), "all", "-i", str(file), "-e", f"podnet_lab={demo.lab}", "-o"),
        *("-m", "ansible.builtin.command", "-a", "hostname"),
    )
    assert sorted(line.split()[-1] for line in shown.splitlines()) == ["nginx-app-1", "node-e6e4d"]
