# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of the controller that hold reports: written in one step, by the user who runs Ansible."""

from __future__ import annotations

from pathlib import Path

from ..module_utils.engine import files
from ..module_utils.engine.failure import Failure


def write(variable: str, given: str, text: str, suffixes: tuple[str, ...] = ()) -> str:
    """Write a report; return the whole path of its file.

    :param variable: what a sentence about the path begins with.
    :param given: the path, relative to the folder from which Ansible was started.
    :param suffixes: how the name of the file has to end; by default it does not matter.
    :raises Failure: where it is no file, or cannot be written.
    """
    path = check(variable, given, suffixes)
    try:
        files.write(path, text.encode())
    except OSError as error:
        raise Failure(
            f"{variable} is {given!r}, which cannot be written: {error.strerror}; valid is a file "
            "that the user who runs Ansible may write."
        ) from error
    return str(path)


def check(variable: str, given: str, suffixes: tuple[str, ...] = ()) -> Path:
    """Return the whole path of a report's file; nothing is written yet.

    :raises Failure: where it is no file, or in no folder.
    """
    path = Path(given).expanduser().absolute()
    if suffixes and path.suffix not in suffixes:
        raise Failure(f"{variable} is {given!r}; valid is a name that ends in {suffixes[0]}.")
    if path.is_dir() or not path.parent.is_dir():
        raise Failure(
            f"{variable} is {given!r}; valid is a file in a folder that there is on the controller."
        )
    return path
