# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Processes that run on hosts and in pods for the length of a ``with`` block."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.probes import PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.cluster.cluster import Cluster

THERE = Path(__file__).parent / "there"


@contextlib.contextmanager
def visitors(cluster: Cluster, places: Iterable[str]) -> Iterator[None]:
    """Tell who asks by HTTP under which address the question came."""
    with contextlib.ExitStack() as stack:
        for place in places:
            process = stack.enter_context(
                cluster.start(place, *PYTHON, str(THERE / "visitors.py"), stderr=None)
            )
            stack.callback(process.kill)
        yield


def transfer(
    cluster: Cluster, sender: str, taker: str, address: str, size: str, port: int = 5201
) -> None:
    """Send so much by TCP; fail where it stalls.

    :param port: where the taker's own port 5201 is reached.
    """
    with cluster.start(taker, "timeout", "60", "iperf3", "-s", "-1", "--forceflush") as server:
        try:
            while "listening" not in (line := server.stdout.readline()):
                assert line, server.stderr.read()
            command = ("iperf3", "-c", address, "-p", str(port), "-n", size)
            cluster.exec(sender, "timeout", "10", *command)
        finally:
            server.kill()
