# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two virtual machines, which all tests of a run share."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .machines import LABS, Machines, described

if TYPE_CHECKING:
    from collections.abc import Iterator

# Who ends the tests politely finds that everything is gone.
signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextlib.contextmanager
def booted(hosts_and_variables: dict[str, Any]) -> Iterator[Machines]:
    """Boot the machines of an inventory; take them away at the end."""
    with tempfile.TemporaryDirectory(prefix=f"{LABS}{os.getpid()}-") as folder:
        cluster = Machines(hosts_and_variables, Path(folder))
        try:
            yield cluster.up()
        finally:
            cluster.down()


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """Two machines that have booted and know nothing of us."""
    with booted(described()) as both:
        yield both
