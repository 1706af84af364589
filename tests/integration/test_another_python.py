# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules under a Python that lacks pyroute2 and bcc: that of a virtual environment.

By Ansible's own way from the controller, whatever ansible-core runs these tests.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bpf_support import bpftool, hide
from running import ROOT, SYSTEM_PYTHON, do, ip

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["bpf_host"]

#: What a pipe takes before somebody reads it, bytes.
PIPE = 65536


@pytest.fixture
def python(tmp_path: Path) -> str:
    """The interpreter of a virtual environment with nothing in it."""
    folder = tmp_path / "venv"
    do(SYSTEM_PYTHON, "-m", "venv", "--without-pip", str(folder))
    return str(folder / "bin/python")


@pytest.fixture
def play(python: str, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run one task on this host under that interpreter; return its result."""

    def run(module: str, **arguments: Any) -> dict[str, Any]:
        assert len(json.dumps(arguments)) > PIPE
        task = {f"podnet.fabric.{module}": arguments}
        playbook = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
        (tmp_path / "play.json").write_text(json.dumps(playbook))
        process = subprocess.Popen(
            [
                *(Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,"),
                *("-c", "local", "-e", f"ansible_python_interpreter={python}", "play.json"),
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
                "ANSIBLE_NOCOLOR": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _errors = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail("The module hangs.")
        assert "localhost | " in output, output
        return json.loads(output[output.index("{") : output.rindex("}") + 1])

    return run


def test_many_routes(play: Callable[..., dict[str, Any]], netns: str) -> None:
    routes = [{"dst": f"10.{n >> 8}.{n & 255}.0/24", "type": "blackhole"} for n in range(2000)]
    done = play("routes", netns=netns, routes=routes)
    assert done["changed"] is True
    assert len(ip(netns, "route")) == len(routes)
    assert play("routes", netns=netns, routes=routes)["changed"] is False


def test_a_long_source(play: Callable[..., dict[str, Any]], host: None) -> None:
    source = f"/* {'long ' * PIPE} */\nint gate(struct __sk_buff *skb)\n{{\n    return -1;\n}}\n"
    program = {"name": "gate", "source": source, "type": "sched_cls"}
    done = play("bpf_program", programs=[program])
    shown = bpftool("prog", "show", "pinned", done["programs"][0]["pin"])
    assert (shown["id"], shown["name"]) == (done["programs"][0]["id"], "gate")


def test_a_message_is_the_modules_own(play: Callable[..., dict[str, Any]], netns: str) -> None:
    routes = [{"dst": f"10.0.0.0/{33 if n else 8}", "type": "blackhole"} for n in range(2000)]
    done = play("routes", netns=netns, routes=routes)
    assert "10.0.0.0/33" in done["msg"]


def test_what_is_missing_is_said(
    play: Callable[..., dict[str, Any]], host: None, netns: str
) -> None:
    hide("pyroute2")
    routes = [{"dst": f"10.{n >> 8}.{n & 255}.0/24", "type": "blackhole"} for n in range(2000)]
    done = play("routes", netns=netns, routes=routes)
    assert "has no Python library pyroute2, and no Python of the system has it" in done["msg"]
    assert "install python3-pyroute2" in done["msg"]
    assert ip(netns, "route") == []
