# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods that are called by their own addresses."""

from __future__ import annotations

from tests.cluster.capture import capture

from .flows import flow, mirrors
from .test_seen import ends, ping
from .vpc import INTERNET, IPS, NETPOD

KINDS = ("tcp", "udp")
OWN = IPS[NETPOD]


def test_a_pod_is_called_by_its_own_address(cluster):
    with (
        mirrors(cluster, NETPOD, port=42040),
        capture(cluster.lab, "switch", "internet") as wire,
    ):
        for kind in KINDS:
            with flow(cluster, "internet", kind, OWN, 42040, own_port=42041) as one:
                assert [one.seen() for _question in range(3)] == [(INTERNET, 42041)] * 3
        ping(cluster, "internet", OWN)
    assert ends(wire) == {(INTERNET, OWN), (OWN, INTERNET)}
