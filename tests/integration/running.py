"""Run the real module files on the real kernel, and ask the kernel what came of it."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.module_utils import basic

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent.parent
MODULES = "ansible_collections.podnet.fabric.plugins.modules."
SYSTEM_PYTHON = "/usr/bin/python3"

FORK = multiprocessing.get_context("fork")

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

    @property
    def warned(self) -> list[str]:
        """The warnings, a sentence each; ansible-core 2.19 wraps them."""
        found = self.get("warnings", [])
        return [each if isinstance(each, str) else each["event"]["msg"] for each in found]


# Once, and not in each fork: pyroute2, in the way that modules import it.
importlib.import_module("ansible_collections.podnet.fabric.plugins.module_utils.engine.netlink")


def run_module(module: str, /, *, check: bool = False, **arguments: Any) -> Run:
    """Run one module as Ansible does.

    In a fork of the test: nine tenths of a run would be the start of an interpreter. Where a test
    asks for another pyroute2 (``PYROUTE2_PATH``) than its own, under an interpreter of its own.
    """
    given = {
        **arguments,
        "_ansible_check_mode": check,
        "_ansible_diff": True,
        "_ansible_remote_tmp": "/tmp",
    }
    way = _spawned if os.environ.get("PYROUTE2_PATH") else _forked
    output, errors = way(module, json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
    assert output, errors
    return Run(json.loads(output.splitlines()[-1]))


def _forked(module: str, given: bytes) -> tuple[str, str]:
    """Return what a module wrote."""
    importlib.import_module(MODULES + module)  # once, and not in each fork
    # Files and no pipes: what the module leaves running may hold them open.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(errors.fileno(), 2)
                _be_the_module(module, given)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        output.seek(0)
        errors.seek(0)
        return output.read().decode(), errors.read().decode()


def _be_the_module(module: str, given: bytes) -> None:
    """Run a module in this process, and what it wants done at its end; nothing of the test's."""
    atexit._clear()
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    warnings.simplefilter("ignore")
    basic._ANSIBLE_ARGS = given
    basic._ANSIBLE_PROFILE = "legacy"
    with contextlib.suppress(SystemExit):
        try:
            importlib.import_module(MODULES + module).main()
        except Exception:
            traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()


def _spawned(module: str, given: bytes) -> tuple[str, str]:
    """Return what a module wrote under the system's Python."""
    site_packages = next(path for path in sys.path if path.endswith("site-packages"))
    paths = [os.environ["PYROUTE2_PATH"], str(ROOT / ".build" / "collections"), site_packages]
    done = subprocess.run(
        [SYSTEM_PYTHON, "-W", "ignore", "-c", LAUNCHER, MODULES + module],
        input=given,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
    )
    return done.stdout.decode(), done.stderr.decode()


def run(module: str, /, **arguments: Any) -> Run:
    """Run a module that must succeed; return what it returned."""
    done = run_module(module, **arguments)
    assert not done.failed, done["msg"]
    return done


class Beside:
    """A function that runs in a process of its own, beside the test.

    In no thread: a test that has one cannot go back to the namespaces that it came from.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        """Start it; what it returns must be data."""
        self._result, theirs = FORK.Pipe(duplex=False)

        def call() -> None:
            theirs.send(function(*arguments, **named))

        self._process = FORK.Process(target=call)
        self._process.start()
        theirs.close()

    def result(self) -> Any:
        """Wait for its end; return what it returned."""
        try:
            return self._result.recv()
        finally:
            self._process.join()
            self._result.close()


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
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr)
        raise


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.005)
