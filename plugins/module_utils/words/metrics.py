# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``metrics``: one text, and three ways out: here, into a file, to who asks over HTTP."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..command.table import NO_ANSWER, SOUND, UNSOUND, Usage
from ..engine.failure import Failure
from ..metrics import cilium, families, http, read
from ..names import MARK

if TYPE_CHECKING:
    import argparse

    from ..metrics.families import Family

#: The file in node_exporter's folder; it reads those that end so.
_FILE = "podnet.prom"


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit status."""
    if options.http and (options.textfile or options.json):
        raise Usage("--http goes with neither --textfile nor --json")

    def found() -> list[Family]:
        own = read.gather()
        return own + cilium.names(own) if options.cilium_names else own

    if options.http:
        return _answer(lambda: families.render(found()))
    if options.textfile:
        return _put(Path(options.textfile), families.render(found()))
    if options.json:
        sys.stdout.write(json.dumps({"metrics": families.data(found())}) + "\n")
    else:
        sys.stdout.write(families.render(found()))
    return SOUND


def _answer(text: object) -> int:
    try:
        client = socket.socket(fileno=os.dup(0))
    except OSError as error:
        raise Usage(
            "--http is for standard input that is a connection; systemd starts it so"
        ) from error
    with client:
        return SOUND if http.serve(client, text) else UNSOUND  # type: ignore[arg-type]


def _put(folder: Path, text: str) -> int:
    """Put the file in one step: who reads it finds the one before, or this one."""
    path = folder / _FILE
    fresh = folder / f".{_FILE}.new"  # node_exporter reads none that begins or ends so
    if not folder.is_dir():
        raise Failure(f"{folder} is no folder; give the one that node_exporter reads")
    if path.exists() and MARK.encode() not in path.read_bytes()[:200]:
        raise Failure(f"{path} is there and is not ours")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        os.fchmod(file.fileno(), 0o644)  # node_exporter is not root
    fresh.replace(path)
    return SOUND if text else NO_ANSWER
