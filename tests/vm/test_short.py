# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster's life on real hosts, in short: site, what networkd does, a reboot, teardown.

The order of the tests is that of the life.
"""

from __future__ import annotations

import pytest

from tests.waiting import wait_for

from .hosts import EVENTS, come_back, everybody_is_reached, happens, ways
from .machines import ADDRESSES, METRICS, ONE, TEXTFILE
from .trace import left, traces


@pytest.fixture(scope="module")
def fresh(machines):
    """What the machines were before we came."""
    return traces(machines)


def test_a_first_run_leaves_a_network(machines, fresh):
    machines.play("site").ok()
    everybody_is_reached(machines)


@pytest.mark.parametrize("node", ADDRESSES)
def test_metrics_get_out_by_the_socket_and_by_the_file(machines, node):
    scrape = ["curl", "-sS", "--max-time", "30"]
    url = f"http://{ADDRESSES[node]}:{METRICS}"
    # One that says nothing keeps nobody waiting.
    connect = f"exec 3<>/dev/tcp/{ADDRESSES[node]}/{METRICS} && echo there && read line"
    with machines.start("vpc-server", "bash", "-c", connect) as silent:
        assert silent.stdout.readline() == "there\n"
        text = machines.exec("vpc-server", *scrape, f"{url}/metrics")
        silent.communicate()
    assert 'podnet_endpoints{state="up"} 3\n' in text
    assert "podnet_scrape_cpu_seconds" in text
    code = ["-o", "/dev/null", "-w", "%{http_code}", f"{url}/"]
    assert machines.exec("vpc-server", *scrape, *code) == "404"
    file = f"{TEXTFILE}/podnet.prom"
    wait_for("a file", lambda: machines.try_exec(node, "test", "-s", file).returncode == 0)
    assert 'podnet_endpoints{state="up"} 3\n' in machines.exec(node, "cat", file)
    assert machines.exec(node, "stat", "-c", "%a %U", file) == "644 root\n"
    units = ["systemctl", "list-units", "--plain", "--no-legend"]
    assert machines.exec(node, *units, "--failed", "podnet*") == ""
    answers = [*units, "podnet-metrics@*"]
    wait_for("nothing runs any more", lambda: machines.exec(node, *answers) == "")


@pytest.mark.parametrize("event", EVENTS)
def test_the_network_lives_through_what_happens_to_a_host(machines, event):
    before = ways(machines, ONE)
    happens(event, machines, ONE)
    come_back(machines, ONE, before)
    everybody_is_reached(machines)


def test_a_reboot_brings_the_network_back_and_a_run_after_it_changes_nothing(machines):
    before, pods = ways(machines, ONE), machines.pods(ONE)
    machines.reboot(ONE)
    come_back(machines, ONE, before)
    assert machines.pods(ONE) == pods != {}
    everybody_is_reached(machines)
    assert machines.play("site").ok().changed == {}


def test_teardown_leaves_no_trace(machines, fresh):
    machines.play("teardown").ok()
    assert left(fresh, machines) == {}
    for node in machines.nodes:
        machines.exec(node, "test", "!", "-e", f"{TEXTFILE}/podnet.prom")
