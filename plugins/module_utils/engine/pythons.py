# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Pythons of a host: which of them has a library, and how a module goes on under another one.

pyroute2 and bcc are packages of the distribution, for its own Python; Ansible may have chosen
another one, such as that of a virtual environment.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

#: Interpreters that may have the libraries that belong to a distribution's own Python.
SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/bin/python")

_PROBE = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"

#: What Ansible's own wrapper does on the node; the module's arguments come by standard input.
_AGAIN = """
import runpy, sys
path, name, profile = sys.argv[1:]
sys.path.insert(0, path)
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.stdin.buffer.read(), profile
marks = {"_respawned": True, "_module_fqn": name, "_modlib_path": path}
runpy.run_module(name, init_globals=marks, run_name="__main__", alter_sys=True)
"""


def that_has(*libraries: str) -> str | None:
    """Return the path of the first of :data:`SYSTEM_PYTHONS` that has all libraries, or None."""
    for path in SYSTEM_PYTHONS:
        if Path(path).exists():
            probe = [path, "-c", _PROBE, *libraries]
            if subprocess.call(probe, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
                return path
    return None


def missing(libraries: Sequence[str]) -> list[str]:
    """Return the libraries that neither this Python nor one of the system's has."""
    absent = [name for name in libraries if importlib.util.find_spec(name) is None]
    return [name for name in absent if that_has(name) is None]


def may_go_on() -> bool:
    """Say whether this is a module as Ansible started it, and not one that was started again."""
    main: Any = sys.modules["__main__"]
    return hasattr(main, "_module_fqn") and not hasattr(main, "_respawned")


def go_on(interpreter: str) -> NoReturn:
    """Run this module again from its start under another Python, and end with its status.

    Ansible's own function writes the arguments to a pipe before anybody reads it, and waits for
    ever where they are more than the pipe takes (64 KB). A file takes all.
    """
    from ansible.module_utils import basic  # noqa: PLC0415 - a node's command has no Ansible

    main: Any = sys.modules["__main__"]
    command = [interpreter, "-c", _AGAIN, main._modlib_path, main._module_fqn]
    with tempfile.TemporaryFile() as arguments:
        arguments.write(basic._ANSIBLE_ARGS)
        arguments.seek(0)
        profile = getattr(basic, "_ANSIBLE_PROFILE", "legacy")
        raise SystemExit(subprocess.call([*command, profile], stdin=arguments))
