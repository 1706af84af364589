# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The dashboard and the alert rules ask for metrics that there are; alerts come when due."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
RULES = ROOT / "monitoring/rules.yml"
DASHBOARD = json.loads((ROOT / "monitoring/grafana.json").read_text())
EXPRESSIONS = [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])
]
ALERTS = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
#: What we write, as the sources name it.
OURS = {
    name
    for file in (ROOT / "plugins/module_utils/metrics").glob("*.py")
    for name in re.findall(r'"(podnet_[a-z_{}]+)"', file.read_text())
}
NODE = 'job="podnet",instance="n1"'
#: By alert, series with their values each minute for 40 minutes, of which it comes.
DUE = {
    "PodnetNoMetrics": {f"up{{{NODE}}}": "0x40"},
    "PodnetTextfileOld": {
        f'node_textfile_mtime_seconds{{{NODE},file="/x/podnet.prom"}}': "0x40",
    },
    "PodnetNotPlanned": {f"podnet_plan_usable{{{NODE}}}": "0x40"},
    "PodnetEndpointDown": {f'podnet_endpoints{{{NODE},state="down"}}': "1x40"},
    "PodnetEndpointMissing": {
        f"podnet_endpoints_planned{{{NODE}}}": "5x40",
        f'podnet_endpoints{{{NODE},state="up"}}': "3x40",
        f'podnet_endpoints{{{NODE},state="down"}}': "0x40",
    },
    "PodnetPeerUnreachable": {
        f'podnet_peer_health{{{NODE},target="endpoint",state="unreachable"}}': "1x40",
    },
    "PodnetAddressesUsedUp": {f'podnet_addresses{{{NODE},state="free"}}': "1x40"},
    "PodnetDrops": {
        f'podnet_drops_total{{{NODE},reason="malformed",direction="egress"}}': "0+120x40",
    },
    "PodnetPolicyDrops": {
        f'podnet_policy_drops_total{{{NODE},direction="ingress",verdict="dropped"}}': "0+1200x40",
    },
    "PodnetNatNoRoom": {
        f'podnet_drops_total{{{NODE},reason="nat_quota",direction="egress"}}': "0+1x40",
    },
    "PodnetEventsLost": {f'podnet_events_lost_total{{{NODE},kind="packets"}}': "0+1x40"},
    "PodnetNatFlows": {
        f"podnet_nat_flows{{{NODE}}}": "45000x40",
        f"podnet_nat_flows_limit{{{NODE}}}": "49152x40",
    },
    "PodnetNatPorts": {f"podnet_nat_ports_used_ratio{{{NODE}}}": "0.9x40"},
    "PodnetServiceWithoutBackends": {
        f"podnet_service_frontends_without_backends{{{NODE}}}": "1x40",
    },
    "PodnetMapFull": {
        f'podnet_map_entries{{{NODE},map="nat",type="hash"}}': "90x40",
        f'podnet_map_capacity{{{NODE},map="nat",type="hash"}}': "100x40",
    },
}
SOUND = {
    f"up{{{NODE}}}": "1x40",
    f'node_textfile_mtime_seconds{{{NODE},file="/x/podnet.prom"}}': "0+60x40",
    f"podnet_plan_usable{{{NODE}}}": "1x40",
    f'podnet_endpoints{{{NODE},state="up"}}': "5x40",
    f'podnet_endpoints{{{NODE},state="down"}}': "0x40",
    f"podnet_endpoints_planned{{{NODE}}}": "5x40",
    f'podnet_peer_health{{{NODE},target="endpoint",state="unreachable"}}': "0x40",
    f'podnet_peer_health{{{NODE},target="node",state="unreachable"}}': "1x40",
    f'podnet_addresses{{{NODE},state="free"}}': "100x40",
    f'podnet_drops_total{{{NODE},reason="malformed",direction="egress"}}': "0+10x40",
    f'podnet_drops_total{{{NODE},reason="ingress_denied",direction="ingress"}}': "0+9000x40",
    f'podnet_drops_total{{{NODE},reason="nat_quota",direction="egress"}}': "7x40",
    f'podnet_policy_drops_total{{{NODE},direction="ingress",verdict="dropped"}}': "0+10x40",
    f"podnet_nat_flows{{{NODE}}}": "100x40",
    f"podnet_nat_flows_limit{{{NODE}}}": "49152x40",
    f"podnet_nat_ports_used_ratio{{{NODE}}}": "0.1x40",
    f"podnet_service_frontends_without_backends{{{NODE}}}": "0x40",
    f'podnet_map_entries{{{NODE},map="drops",type="lru_hash"}}': "100x40",
    f'podnet_map_capacity{{{NODE},map="drops",type="lru_hash"}}': "100x40",
}


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\bpodnet_[a-z_]+", expression))


def test_all_that_is_asked_for_is_there():
    made = {re.sub(r"\{unit\}", unit, name) for name in OURS for unit in ("packets", "bytes")}
    asked = {name for text in EXPRESSIONS for name in names_in(text)}
    asked |= {name for rule in ALERTS.values() for name in names_in(rule["expr"])}
    assert asked - made == set()
    assert len(EXPRESSIONS) > 20


def test_a_dashboard_has_what_grafana_wants():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        grid = panel["gridPos"]
        cells = {(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])}
        assert max(x for x, _y in cells) < 24
        assert not cells & taken
        taken |= cells
        assert panel["type"] in ("row", "stat", "timeseries")
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"


def alerts_of(tests: list[dict[str, Any]], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "tests.yml"
    whole = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(whole))
    return subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
    )


def case(series: dict[str, str], alerts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": alerts,
    }


def test_alerts_are_silent_where_all_is_sound(tmp_path):
    silent = [{"eval_time": "30m", "alertname": name, "exp_alerts": []} for name in ALERTS]
    done = alerts_of([case(SOUND, silent)], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_comes_when_it_is_due(alert, tmp_path):
    """It comes, which is: that it does not is wrong."""
    expected = [{"eval_time": "30m", "alertname": alert, "exp_alerts": []}]
    done = alerts_of([case(DUE[alert], expected)], tmp_path)
    assert done.returncode != 0
    said = re.search(r"got:\s*\[(.*)\]", done.stdout + done.stderr, re.DOTALL)
    assert said
    assert f'alertname="{alert}"' in said[1]
    assert 'instance="n1"' in said[1]
    assert "n1" in re.search(r'summary="(.*?)"', said[1])[1]
