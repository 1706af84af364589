# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attach by a pinned bpf_link: tcx, XDP and cgroup hooks are all the same here.

The pin keeps the link, the link keeps the program at its hook; a link's program is exchanged in
one step. A target is an ifindex (in the current network namespace) or a cgroup's id.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from . import maps, syscall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .syscall import LinkInfo


@contextlib.contextmanager
def opened(pin: str) -> Iterator[int | None]:
    """Open a pinned link for the length of a ``with`` block, None where nothing is pinned."""
    fd = maps.open_path(pin)
    try:
        yield fd
    finally:
        if fd is not None:
            os.close(fd)


def read(pin: str) -> LinkInfo | None:
    """Return the link pinned at a path, None where there is none."""
    with opened(pin) as fd:
        return None if fd is None else syscall.link_info(fd)


def pinned(folder: str) -> dict[str, LinkInfo]:
    """Return all links pinned in a folder: path -> link."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - a name is all that is wanted
    except FileNotFoundError:
        return {}
    found = {}
    for name in names:
        with contextlib.suppress(OSError):  # somebody else's object
            link = read(f"{folder}/{name}")
            if link is not None:
                found[f"{folder}/{name}"] = link
    return found


def put(
    pin: str,
    program: int,
    target: int,
    attach_type: int,
    *,
    flags: int = 0,
    before_commit: Callable[[], object] = lambda: None,
) -> None:
    """Attach a program by a new link and pin it.

    :param target: ifindex, or the descriptor of a cgroup's folder.
    :param before_commit: called when the program runs and before the pin has its name: what is
        half done after a kill has no pin of that name, and is done again.
    """
    link = syscall.link_create(program, target, attach_type, flags)
    try:
        maps.pin(link, pin, before_commit)
    finally:
        os.close(link)


def exchange(pin: str, program: int) -> None:
    """Put another program in the place of the one that a pinned link runs."""
    with opened(pin) as fd:
        if fd is not None:
            syscall.link_update(fd, program)


def remove(pin: str) -> None:
    """Detach and forget a pinned link; another pin of the same link keeps nothing attached."""
    with opened(pin) as fd:
        if fd is None:
            return
        with contextlib.suppress(OSError):  # its device or cgroup is gone
            syscall.link_detach(fd)
    Path(pin).unlink(missing_ok=True)
