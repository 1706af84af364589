# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""As many flows as one address has ports, to one destination; and flows that come and go without
end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout

from tests.cells.counts import counts
from tests.cluster.probes import PYTHON
from tests.waiting import wait_for

from .asked import nat_info
from .flows import flow, seen
from .nat import TCP, forget, halves
from .vpc import CROWD, INTERNET, IPS, MIRROR, NETPOD, NODES, OTHERPOD, THERE

RECORDER = 4740

#: Ports that a device's address has for one destination: from 1024 on, less those of services; and
#: of these the ones that no pod, nor the node, has for its own.
PORTS = 65536 - 1024 - 2768
COMMON = PORTS * 5 // 8

#: The number that all must get, and the number that cannot be.
ALL, TOO_MANY = 37_000, 65_000

#: Datagrams of a flood to one destination, and flows that pods may have.
FLOOD, FLOWS = 64_512, nat_layout.NAT_MOST_FLOWS - nat_layout.NAT_NODE_FLOWS

#: Seconds of churn; the whole proof takes ten minutes.
CHURN = int(os.environ.get("PODNET_CHURN_SECONDS", "20"))

#: Connections that each pod opens in a second, at most.
RATE = 600


@pytest.fixture
def recorder(cluster):
    """A server outside that knows whom it has answered."""
    with cluster.start("internet", *PYTHON, str(THERE / "record.py"), str(RECORDER)) as process:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        yield process
        process.kill()
    forget(cluster, "k8s-s", lambda half: RECORDER in half.key.values())


def recorded(recorder):
    """Return how many datagrams came, and by address the number of ports from which they did."""
    recorder.stdin.write("\n")
    recorder.stdin.flush()
    told = json.loads(recorder.stdout.readline())
    return told["datagrams"], told["visitors"]


def ask(pods, first, count, *, wait=True):
    """Let each pod ask by so many flows (``there/many.py``); return how many answers there were."""
    for pod in pods:
        pod.stdin.write(f"{first} {count} {50 if wait else 0}\n")
        pod.stdin.flush()
    told = [pod.stdout.readline() for pod in pods]
    assert all(told), [pod.stderr.read() for pod in pods if pod.poll() is not None]
    return sum(map(int, told))


def exhausted(cluster):
    """Return how many packets got no port, or were of a pod that had its share of flows."""
    found = counts(cluster, "k8s-s")
    return sum(found.get(("to_netdev", reason), 0) for reason in ("nat_exhausted", "nat_quota"))


def test_thirty_seven_thousand_flows_to_one_destination_and_no_more_than_there_are_ports(
    cluster, recorder
):
    before, share = exhausted(cluster), ALL // len(CROWD)
    with contextlib.ExitStack() as stack:
        pods = []
        for place in CROWD:
            command = (*PYTHON, str(THERE / "many.py"), INTERNET, str(RECORDER))
            pods.append(stack.enter_context(cluster.start(place, *command)))
            stack.callback(pods[-1].kill)
        # All pods want the same ports.
        assert ask(pods, 10_000, share) == ALL
        assert recorded(recorder) == (ALL, {NODES["k8s-s"]: ALL})
        assert exhausted(cluster) == before

        info = nat_info(cluster, "k8s-s", f"protocol=udp destination={INTERNET} limit=1")
        most = info["ports"][0]
        assert (most["destination"], most["destination_port"]) == (INTERNET, RECORDER)
        assert (most["used"], most["size"]) == (ALL, COMMON)
        told = f"WARNING.*{ALL:,} of the {COMMON:,} common ports.*{INTERNET}"
        assert re.search(told, info["output"])

        # All of them once more: so none is over before the last one comes.
        assert ask(pods, 10_000, share) == ALL
        more = (TOO_MANY - ALL) // len(pods)
        ask(pods, 10_000 + share, more, wait=False)
        # Each of them came through or was counted, sooner or later.
        while recorded(recorder)[0] + exhausted(cluster) - before < TOO_MANY + ALL:
            time.sleep(0.05)
        datagrams, visitors = recorded(recorder)
        assert visitors == {NODES["k8s-s"]: datagrams - ALL}, "ports that two flows had"
        assert datagrams - ALL <= PORTS
        assert datagrams + exhausted(cluster) - before == TOO_MANY + ALL

        # Those that there are go on.
        assert ask(pods, 10_000, 200) == 200 * len(pods)
        assert recorded(recorder)[1] == visitors
        status = cluster.play("status").ok().result("k8s-s", "Read the node's status")
        assert re.search("nat_(exhausted|quota)", status["report"])
        assert f"of the {COMMON:,} common ports" in status["report"]


@pytest.fixture
def untouched(cluster):
    """No flow of another test is there, and none stays, whose ports others want."""
    forget(cluster, "k8s-s", lambda _half: True)
    yield
    forget(cluster, "k8s-s", lambda _half: True)


@pytest.mark.usefixtures("untouched")
def test_a_pod_that_floods_leaves_others_and_the_node_theirs(cluster, recorder):
    """Three times as many flows as there are ports to a destination, over and over."""
    places = [place for place in CROWD if place != NETPOD] + ["k8s-s"]
    command = (*PYTHON, str(THERE / "flood.py"), INTERNET, str(RECORDER), "4741", "4742")
    with (
        flow(cluster, OTHERPOD, "tcp", INTERNET) as quiet,
        cluster.start(NETPOD, *command) as flood,
    ):
        before = quiet.seen()
        assert before[0] == NODES["k8s-s"]
        assert flood.stdout.readline() == "once\n", flood.stderr.read()
        for kind in ("tcp", "udp"):
            for place in places:
                assert seen(cluster, place, INTERNET, kind) == NODES["k8s-s"]
        for place in places:
            command = (*PYTHON, str(THERE / "many.py"), INTERNET, str(RECORDER))
            with cluster.start(place, *command) as asks:
                assert ask([asks], 20_000, 50) == 50
                asks.kill()
        found = nat_info(cluster, "k8s-s", "limit=1")["accounts"]
        account = next(one for one in found if one["address"] == IPS[NETPOD])
        assert account["kind"] == "pod"
        assert FLOWS // 3 < account["flows"] <= FLOWS // 2
        assert account["refused"] > FLOOD
        status = cluster.play("status").ok().result("k8s-s", "Read the node's status")
        assert re.search(rf"{IPS[NETPOD]} +pod +\d+ +\d+", status["report"])
        assert quiet.seen() == before
        flood.stdin.close()
        assert int(flood.stdout.readline()) >= 3 * FLOOD


def age(halves_of):
    """Count flows: those that are open, those that wait to be over, those that are over."""
    outs = [half for half in halves_of if half.out]
    over = sum(half.over for half in outs)
    opened = sum(
        half.key["protocol"] == TCP and not half.closing and not half.over for half in outs
    )
    return {"entries": len(halves_of), "open": opened, "over": over}


@pytest.mark.usefixtures("untouched")
def test_flows_that_come_and_go_leave_nothing(cluster):
    with contextlib.ExitStack() as stack:
        # Who has hung up waits for nothing more: his ports would otherwise be the limit.
        limit = "net.ipv4.tcp_max_tw_buckets"
        kept = cluster.exec("internet", "sysctl", "-n", limit).strip()
        cluster.exec("internet", "sysctl", "-q", f"{limit}=0")
        stack.callback(cluster.exec, "internet", "sysctl", "-q", f"{limit}={kept}")
        pods = []
        for place in CROWD:
            command = (*PYTHON, str(THERE / "churn.py"), INTERNET, str(MIRROR), str(RATE))
            pods.append(stack.enter_context(cluster.start(place, *command)))
            stack.callback(pods[-1].kill)
        ages, end = [], time.monotonic() + CHURN
        while time.monotonic() < end:
            assert all(pod.poll() is None for pod in pods)
            ages.append(age(halves(cluster, "k8s-s")))
            print(f"{CHURN - end + time.monotonic():6.1f} s: {ages[-1]}")
            time.sleep(max(1, CHURN / 60))
        for pod in pods:
            pod.stdin.close()
        reports = [json.loads(pod.stdout.read()) for pod in pods]
    print(reports)
    assert [report["errors"] for report in reports] == [{}] * len(pods)
    flows = sum(sum(report["counts"].values()) for report in reports)
    assert flows > 100 * CHURN, "a busy machine, or a stall"
    # A connection is open as long as its client has it.
    assert max(one["open"] for one in ages) <= 3 * len(pods)
    # What is over goes as new flows come: the table is never full, and nobody has to wait.
    assert max(one["entries"] for one in ages) < 2 * FLOWS * 3 // 4

    def all_closed():
        found = halves(cluster, "k8s-s")
        return found if age(found)["open"] == 0 else None

    # A busy machine may bring the last segments to the node's device after their senders have gone.
    left = wait_for("every connection is closed", all_closed, 30)
    assert all(half.closing or half.key["protocol"] != TCP for half in left if not half.over)
