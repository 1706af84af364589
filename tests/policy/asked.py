# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What becomes of one question: an answer, an error, or where a policy dropped it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.cluster.probes import PYTHON

from .probing import LOST, THERE, place

if TYPE_CHECKING:
    from .conftest import Network

ANSWERED, REFUSED = "answered", "ECONNREFUSED"


def becomes(
    network: Network, source: str, protocol: str, address: str, port: int, size: int = 16
) -> str:
    """Ask an address from a pod (``x/a``) or a host; return the answer, or ``NODE denies WAY``.

    Nothing else is asked meanwhile, so that a drop is that of the question or its answer.
    """
    drops = network.prober.drops
    before = drops.read()
    words = (*PYTHON, str(THERE / "ask.py"), protocol, address, str(port), str(size))
    where = place(source) if "/" in source else source
    with network.cluster.start(where, *words) as program:
        end = time.monotonic() + LOST
        while program.poll() is None and time.monotonic() < end:
            if dropped := drops.read() - before:
                program.kill()
                (((node, way), _packets),) = dropped.most_common(1)
                return f"{node} denies {way}"
            time.sleep(0.002)
        assert program.poll() is not None, f"{source} asked {address}:{port}, and nothing happened"
        output, errors = program.communicate()
    assert program.returncode == 0, errors
    return output.strip()
