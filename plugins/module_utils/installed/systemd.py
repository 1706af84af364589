# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd, where it runs: it is asked and told by its own command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ..engine.failure import Failure

#: There where systemd runs.
BOOTED = Path("/run/systemd/system")
#: Where units of an administrator lie.
FOLDER = Path("/etc/systemd/system")

#: Of what a node's connections wait for: it goes before others that run.
NICE = -10

#: What hides folders from a unit: as we have it, as it is where the unit needs one of them, and the
#: folders.
_HIDES = (
    ("ProtectHome=yes", "ProtectHome=read-only", ("/home", "/root", "/run/user")),
    ("PrivateTmp=yes", "PrivateTmp=no", ("/tmp", "/var/tmp")),  # noqa: S108
)

_SYSTEMCTL = "/usr/bin/systemctl"
_SYSTEMD_RUN = "/usr/bin/systemd-run"


def is_used() -> bool:
    """Say whether this host has systemd."""
    return BOOTED.is_dir()


def hiding(*needed: str) -> str:
    """Return the settings that hide homes and temporary folders from a unit, a line each.

    They hide nothing that it runs: Ansible's interpreter, which runs the node's command as well,
    may be that of a virtual environment in a home.

    :param needed: paths that the unit reads or writes, beside its interpreter.
    """
    given = [Path(one) for one in (sys.executable, *needed)]
    paths = [*given, *(path.parent.resolve() / path.name for path in given)]
    return "\n".join(
        less if any(Path(folder) in path.parents for path in paths for folder in folders) else whole
        for whole, less, folders in _HIDES
    )


def systemctl(*words: str) -> str:
    """Run systemctl; return what it wrote.

    :raises Failure: with what it says.
    """
    return _run(f"systemctl {' '.join(words)}", _SYSTEMCTL, *words)


def systemd_run(*words: str) -> str:
    """Run systemd-run, which makes units that no file has; as :func:`systemctl`."""
    return _run("systemd-run", _SYSTEMD_RUN, *words)


def _run(what: str, *words: str) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Failure(f"{what} cannot be run: {error.strerror}.") from error
    if done.returncode != 0:
        raise Failure(f"{what} failed: {done.stderr.strip().rstrip('.')}.")
    return done.stdout
