"""Run the real module files on the real kernel, and ask the kernel what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent.parent
MODULES = "ansible_collections.podnet.fabric.plugins.modules."
SYSTEM_PYTHON = "/usr/bin/python3"

#: What Ansible's wrapper does on a node, less the transport: arguments first, then ``main()``.
LAUNCHER = """
import importlib, json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
basic._ANSIBLE_PROFILE = "legacy"
importlib.import_module(sys.argv[1]).main()
"""


class Run(dict):
    """What a module returned; ``run.failed`` says whether it failed."""

    @property
    def failed(self) -> bool:
        return bool(self.get("failed"))


def run_module(module: str, /, *, check: bool = False, **arguments: Any) -> Run:
    """Run one module as Ansible does, under the system's Python."""
    given = {
        **arguments,
        "_ansible_check_mode": check,
        "_ansible_diff": True,
        "_ansible_remote_tmp": "/tmp",
    }
    site_packages = next(path for path in sys.path if path.endswith("site-packages"))
    paths = [os.environ.get("PYROUTE2_PATH", ""), str(ROOT / ".build" / "collections")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*filter(None, paths), site_packages]),
    }
    done = subprocess.run(
        [SYSTEM_PYTHON, "-W", "ignore", "-c", LAUNCHER, MODULES + module],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode(),
        capture_output=True,
        env=environment,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    return Run(json.loads(done.stdout.decode().splitlines()[-1]))


def run(module: str, /, **arguments: Any) -> Run:
    """Run a module that must succeed; return what it returned."""
    done = run_module(module, **arguments)
    assert not done.failed, done["msg"]
    return done


def four_runs(module: str, /, **arguments: Any) -> Run:
    """Check, run, rerun, rerun the check: only the run changes; return what it returned."""
    predicted = run_module(module, check=True, **arguments)
    assert not predicted.failed, predicted["msg"]
    done = run_module(module, **arguments)
    assert not done.failed, done["msg"]
    assert predicted["changed"] is True
    assert done["changed"] is True
    assert predicted["changes"] == done["changes"]
    assert predicted["diff"] == done["diff"]
    for check in (False, True):
        again = run_module(module, check=check, **arguments)
        assert not again.failed, again["msg"]
        assert again["changes"] == []
        assert again["changed"] is False
    return done


def fails(module: str, /, *parts: str, **arguments: Any) -> str:
    """Run a module that must fail with a message that has these parts; return the message."""
    for check in (True, False):
        done = run_module(module, check=check, **arguments)
        assert done.failed, done
        for part in parts:
            assert part in done["msg"], done["msg"]
    return done["msg"]


def ip(netns: str, *words: str) -> Any:
    """Ask ``ip -j`` in a namespace; return what its JSON says."""
    command = ["ip", "-n", netns, "-d", "-j", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout) if done.stdout.strip() else []


def ip_here(*words: str) -> Any:
    """Ask ``ip -j`` where the test is; return what its JSON says."""
    return json.loads(do("ip", "-d", "-j", *words) or "[]")


def do(*words: str) -> str:
    """Run a command that must succeed; return its output."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.005)
