# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services that cannot be are refused in one sentence, before anything is touched."""

from __future__ import annotations

import pytest

from tests.cluster.test_bad_input import refuses

from .clients import Client
from .write_up import NETPOD, SVC, WEBPODS, services

WEB = {"name": "more", "selector": {"app": "webpod"}, "ports": [{"port": 80}]}


def with_port(**own):
    """Return the services and one more with this port."""
    return {"podnet_services": [*services(), {**WEB, "type": "NodePort", "ports": [own]}]}


@pytest.mark.parametrize(
    ("variables", "parts"),
    [
        pytest.param(
            {"podnet_services": [*services(), {**WEB, "cluster_ip": "10.11.0.1"}]},
            ("more", "10.11.0.1", "10.10.0.0/16"),
            id="an address outside the CIDR",
        ),
        pytest.param(
            {"podnet_services": [*services(), {**WEB, "cluster_ip": SVC}]},
            ("more", SVC, "svc"),
            id="an address given twice",
        ),
        pytest.param(
            with_port(port=80, node_port=29999),
            ("more", "29999", "30000", "32767"),
            id="a node port outside its range",
        ),
        pytest.param(
            with_port(port=80, protocol="SCTP"),
            ("more", "SCTP", "TCP", "UDP"),
            id="an unknown protocol",
        ),
    ],
)
def test_a_running_cluster_refuses_and_runs_on(cluster, variables, parts):
    refuses(cluster, variables, {}, parts)
    assert Client(cluster, NETPOD).ask(SVC)[0].address in WEBPODS
