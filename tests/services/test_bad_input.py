# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services that cannot be are refused in one sentence, before anything is touched."""

from __future__ import annotations

from tests.cluster.test_bad_input import refuses

from .clients import Client
from .write_up import NETPOD, SVC, WEBPODS, services

WEB = {"name": "more", "selector": {"app": "webpod"}, "ports": [{"port": 80}]}


def test_a_running_cluster_refuses_and_runs_on(cluster):
    """One of what the planner refuses: all of it is in tests/unit/test_plan_services_errors.py."""
    variables = {"podnet_services": [*services(), {**WEB, "cluster_ip": SVC}]}
    refuses(cluster, variables, {}, ("more", SVC, "svc"))
    assert Client(cluster, NETPOD).ask(SVC)[0].address in WEBPODS
