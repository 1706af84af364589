# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``ansible-playbook`` in forks of one process, which has imported Ansible once.

The imports take half a second, a sixth of a rerun. A run begins where the command's own script
does: with its words, its environment, its folder, a session of its own. Nothing of the collection
is imported beforehand. The command itself is started by the tests that kill runs, by those of other
versions of Ansible, the demo, the pages of the documentation, AWX's jobs, molecule and the virtual
machines.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What differs from run to run, and is not read, or read once more, after Ansible is imported.
OWN = ("ANSIBLE_LOCAL_TEMP", "JOURNAL_PATH", "PYTEST_CURRENT_TEST")

#: What a run imports, apart from the collection; not all of it is there in each Ansible.
IMPORTED = (
    *("ansible.cli.playbook", "ansible.executor.module_common", "ansible.plugins.strategy.linear"),
    *("ansible.plugins.callback.default", "ansible.plugins.inventory.yaml", "ansible.utils.galaxy"),
    *("ansible.plugins.connection.local", "ansible.plugins.shell.sh", "jmespath", "netaddr"),
    *(f"ansible.plugins.action.{name}" for name in ("assert", "include_vars", "set_fact", "debug")),
    *(f"ansible.plugins.{kind}.core" for kind in ("filter", "test")),
    *(f"ansible.plugins.{kind}.mathstuff" for kind in ("filter", "test")),
    *("ansible.plugins.filter.urls", "ansible.plugins.filter.urlsplit", "ansible.plugins.test.uri"),
    *("ansible.plugins.filter.encryption", "ansible.plugins.test.files"),
)


#: The process of this session, in the environment of its first run.
_STARTED: list[tuple[dict[str, str], socket.socket]] = []


def _shared(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in OWN}


def _start(environment: Mapping[str, str]) -> socket.socket:
    """Start the process; it ends when the socket to it is closed, at the latest with this one."""
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen(
            [sys.executable, "-c", START, str(theirs.fileno())],
            env=environment,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return ours


def run(words: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """Run ``ansible-playbook`` to its end; return its status and what it printed.

    In a fork where the environment is that of the session's first run, and by itself otherwise.
    """
    if not _STARTED:
        _STARTED.append((_shared(environment), _start(_shared(environment))))
    if _STARTED[0][0] == _shared(environment):
        return _forked(words, environment, folder)
    done = subprocess.run(
        words,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        start_new_session=True,
    )
    return done.returncode, done.stdout


def _forked(words: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[int, str]:
    asked = {"words": words, "environment": dict(environment), "folder": str(folder)}
    with contextlib.ExitStack() as stack:
        said, told = (_pipe(stack) for _each in range(2))
        with said[1], told[1], tempfile.TemporaryFile() as request:
            request.write(json.dumps(asked).encode())
            request.flush()
            files = [file.fileno() for file in (request, said[1], told[1])]
            socket.send_fds(_STARTED[0][1], [b"."], files)
        output, end = said[0].read().decode(), told[0].read()
    assert end, f"{' '.join(words)} was killed:\n{output}"
    status, seconds = json.loads(end)
    sys.audit("tests.cluster.warm", seconds)  # for tests/timing.py
    return status, output


def _pipe(stack: contextlib.ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    """Return the two ends of a pipe: to read from, until the stack ends, and to write to."""
    read, write = os.pipe()
    return stack.enter_context(os.fdopen(read, "rb")), os.fdopen(write, "wb")


#: The process imports this file alone, and by no name under which Ansible could find it.
START = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("warm", {str(Path(__file__))!r})
warm = importlib.util.module_from_spec(spec)
spec.loader.exec_module(warm)
warm.serve(int(sys.argv[1]))
"""


def serve(number: int) -> None:
    """Import Ansible, then fork a process for each run that is asked for, until nobody can ask."""
    sys.argv = ["ansible-playbook", "site"]
    sys.path[0] = str(Path(sys.executable).parent)  # as for its script: not the folder of a run
    for name in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _read_ahead()
    atexit._run_exitfuncs()  # takes Ansible's folder for its files away: each run has its own
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=number) as asked:
        while files := socket.recv_fds(asked, 1, 3)[1]:
            if os.fork() == 0:
                asked.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _be_the_command(*files)
            for file in files:
                os.close(file)


def _read_ahead() -> None:
    """Read where Ansible's own plugins have moved to, a file of 8,000 lines that each run reads."""
    finder: Any = importlib.import_module("ansible.utils.collection_loader._collection_finder")
    finder._meta_yml_to_dict = functools.cache(finder._meta_yml_to_dict)
    (folder,) = importlib.import_module("ansible.config").__path__
    moved = Path(folder, "ansible_builtin_runtime.yml").read_bytes()
    finder._meta_yml_to_dict(moved, ("ansible.builtin", "runtime.yml"))


def _be_the_command(request: int, output: int, told: int) -> None:
    """Do what the command's script does, tell what came of it, and end."""
    status = 1
    try:
        os.setsid()
        with open(request, encoding="utf-8") as file:
            file.seek(0)
            asked = json.load(file)
        for number in (1, 2):
            os.dup2(output, number)
        os.close(output)
        os.set_inheritable(told, False)  # who lives on after the run does not keep it open
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.argv = asked["words"]
        _own_folder()
        importlib.import_module("ansible.cli.playbook").main()
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in used)
    os.write(told, json.dumps([status, seconds]).encode())
    os._exit(status)


def _own_folder() -> None:
    """Make the folder for Ansible's files that it makes when it is imported, and remove it last."""
    constants: Any = importlib.import_module("ansible.constants")
    chosen = os.environ.get("ANSIBLE_LOCAL_TEMP")
    beside = Path(chosen or Path(constants.DEFAULT_LOCAL_TMP).parent)
    beside.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = tempfile.mkdtemp(prefix=f"ansible-local-{os.getpid()}", dir=beside)
    constants.DEFAULT_LOCAL_TMP = own
    atexit.register(importlib.import_module("ansible.utils.path").cleanup_tmp_file, own, warn=True)
