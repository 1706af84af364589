# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd, where it runs: it is asked and told by its own command."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..engine.failure import Failure

#: There where systemd runs.
BOOTED = Path("/run/systemd/system")
#: Where units of an administrator lie.
FOLDER = Path("/etc/systemd/system")

_SYSTEMCTL = "/usr/bin/systemctl"


def systemctl(*words: str) -> str:
    """Run systemctl; return what it wrote.

    :raises Failure: with what it says.
    """
    done = subprocess.run((_SYSTEMCTL, *words), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"systemctl {' '.join(words)} failed: {done.stderr.strip()}.")
    return done.stdout
