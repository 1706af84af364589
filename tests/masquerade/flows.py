# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is at the other end: mirrors on hosts and in pods, and flows to them."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

from tests.cluster.probes import PYTHON

from .vpc import MIRROR, THERE

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.cluster.cluster import Cluster

#: Address and port; or why there are none.
Seen = Union[tuple[str, int], str]

#: Bytes of a question that leave room for the answer.
QUESTION = 32


@contextlib.contextmanager
def mirrors(cluster: Cluster, *places: str, port: int = MIRROR) -> Iterator[None]:
    """Run mirrors (``there/mirror.py``) for the length of a ``with`` block."""
    with contextlib.ExitStack() as stack:
        for place in places:
            command = (*PYTHON, str(THERE / "mirror.py"), str(port))
            process = stack.enter_context(cluster.start(place, *command))
            stack.callback(process.kill)
            assert process.stdout.readline() == "ready\n", process.stderr.read()
        yield


@dataclass(frozen=True)
class Flow:
    """A TCP connection or a pair of UDP ports, with a mirror at the other end.

    :param own: as the client knows it.
    """

    process: subprocess.Popen[str]
    own: Seen

    def seen(self, size: int = QUESTION) -> Seen:
        """Ask with so many bytes as whom the mirror sees the client; it answers with as many."""
        self.process.stdin.write(f"{size}\n")
        self.process.stdin.flush()
        return _read(self.process)


def _read(process: subprocess.Popen[str]) -> Seen:
    line = process.stdout.readline()
    assert line, process.stderr.read()
    told = json.loads(line)
    return told if isinstance(told, str) else (str(told[0]), int(told[1]))


@contextlib.contextmanager
def flow(
    cluster: Cluster, place: str, kind: str, address: str, port: int = MIRROR, own_port: int = 0
) -> Iterator[Flow]:
    """Hold a flow for the length of a ``with`` block.

    :param kind: ``tcp`` or ``udp``.
    :param own_port: by default, whichever the client's kernel takes.
    """
    command = (*PYTHON, str(THERE / "flow.py"), kind, address, str(port), str(own_port))
    with cluster.start(place, *command) as process:
        try:
            yield Flow(process, _read(process))
        finally:
            process.kill()


def seen(cluster: Cluster, place: str, address: str, kind: str = "tcp") -> str:
    """Return the address as which a mirror sees who asks from a place; or why it does not."""
    with flow(cluster, place, kind, address) as one:
        told = one.seen() if isinstance(one.own, tuple) else one.own
    return told[0] if isinstance(told, tuple) else told
