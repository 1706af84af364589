# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real Prometheus scrapes the demo's nodes: each query of the dashboard, each alert rule."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.unit.test_monitoring import ALERTS, EXPRESSIONS, RULES
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cluster import Cluster

PORT = 9964
API = "http://127.0.0.1:9090/api/v1"
#: As systemd's socket does: a process for each connection.
LISTEN = ("systemd-socket-activate", "--accept", "--inetd", "-l", f"0.0.0.0:{PORT}")
ANSWER = ("/usr/local/sbin/podnet", "metrics", "--http", "--cilium-names")
#: Of what the demo has none: policies, and drops for want of room.
EMPTY = ("podnet_policy_packets_total", "podnet_drops_total")
#: Out of dashboards that were published for Cilium.
OF_CILIUM = (
    'sum(rate(cilium_forward_count_total{k8s_app="cilium", pod=~".*"}[1m])) by (pod, direction)',
    'sum(rate(cilium_forward_bytes_total{k8s_app="cilium", pod=~".*"}[1m])) by (pod, direction)',
    'sum(cilium_endpoint_state{endpoint_state="ready"})',
    'max by (instance, map_name) (cilium_bpf_map_pressure{k8s_app="cilium"})',
    "sum by (enforcement) (cilium_policy_endpoint_enforcement_status)",
    'cilium_ip_addresses{k8s_app="cilium", pod=~".*"}',
    "cilium_nodes_all_num",
    "sum(rate(hubble_lost_events_total[1m])) by (pod, source)",
)


class Prometheus:
    """One that runs on a node of a lab."""

    def __init__(self, cluster: Cluster, host: str) -> None:
        self._cluster, self._host = cluster, host

    def get(self, path: str, *more: str) -> Any:
        words = ("curl", "-sS", "--max-time", "20", "-G", f"{API}/{path}", *more)
        said = json.loads(self._cluster.exec(self._host, *words))
        assert said["status"] == "success", said
        return said["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("query", "--data-urlencode", f"query={expression}")[
            "result"
        ]
        return found


@pytest.fixture(scope="module")
def prometheus(demo: Cluster) -> Iterator[Prometheus]:
    """Prometheus on the first node, which scrapes all of them."""
    first, *_others = demo.nodes
    targets = [f"{one['ansible_host']}:{PORT}" for one in demo.nodes.values()]
    config = {
        "global": dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), "2s"),
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "podnet", "static_configs": [{"targets": targets}]}],
    }
    file = demo.folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    pod, other = list(demo.pods(first).items())[:2]
    with contextlib.ExitStack() as stack:

        def run(host: str, *command: str) -> None:
            process = stack.enter_context(demo.start(host, *command))
            stack.callback(process.terminate)

        for host in demo.nodes:
            run(host, *LISTEN, *ANSWER)
        own = f"--storage.tsdb.path={demo.folder}/prometheus"
        run(
            first,
            *("prometheus", f"--config.file={file}", own, "--log.level=error"),
            "--web.listen-address=127.0.0.1:9090",
        )
        server = Prometheus(demo, first)
        run(pod[0], "ping", "-q", "-i", "0.2", other[1])

        def scraped() -> bool:
            with contextlib.suppress(AssertionError, ValueError):
                counts = server.query("count_over_time(podnet_plan_info[5m])")
                return len(counts) == len(targets) and all(
                    int(one["value"][1]) >= 3 for one in counts
                )
            return False

        wait_for("all nodes have been scraped three times", scraped)
        yield server


def test_prometheus_scrapes_every_node(demo, prometheus):
    targets = prometheus.get("targets")["activeTargets"]
    assert {one["health"] for one in targets} == {"up"}
    assert len(targets) == len(demo.nodes)
    (found,) = prometheus.query('sum(podnet_endpoints{state="up"})')
    assert int(found["value"][1]) == len(demo.pods()) + len(demo.nodes)
    names = {one["metric"]["node"] for one in prometheus.query("podnet_plan_info")}
    assert names == set(demo.nodes)
    lost = prometheus.query('podnet_events_lost_total{kind=~"packets|sockets"}')
    assert len(lost) == 2 * len(demo.nodes)
    confirmed = prometheus.query(
        "podnet_last_confirm_timestamp_seconds >= podnet_last_change_timestamp_seconds > 0"
    )
    assert len(confirmed) == len(demo.nodes)


@pytest.mark.parametrize("number", range(len(EXPRESSIONS)))
def test_a_query_of_the_dashboard_has_an_answer(prometheus, number):
    asked = EXPRESSIONS[number].replace("$instance", ".*").replace("$__rate_interval", "1m")
    found = prometheus.query(asked)
    assert found or any(name in asked for name in EMPTY), asked


@pytest.mark.parametrize("asked", OF_CILIUM)
def test_a_query_of_published_dashboards_has_an_answer(prometheus, asked):
    assert prometheus.query(asked)


def test_every_alert_rule_is_evaluated_and_none_is_due(prometheus):
    (group,) = prometheus.get("rules")["groups"]
    wait_for("rules are evaluated", lambda: _states(prometheus) == {"ok"})
    (group,) = prometheus.get("rules")["groups"]
    assert [rule["name"] for rule in group["rules"]] == list(ALERTS)
    assert [rule["name"] for rule in group["rules"] if rule["state"] == "firing"] == []


def _states(prometheus: Prometheus) -> set[str]:
    (group,) = prometheus.get("rules")["groups"]
    return {rule["health"] for rule in group["rules"]}
