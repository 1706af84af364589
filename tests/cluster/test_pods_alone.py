# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods are root in their namespaces; what they do there concerns nobody else, and no run stops."""

from __future__ import annotations

import contextlib

from .cluster import inventory, node
from .probes import differences, snapshots

MAPS = "/sys/fs/bpf/podnet/maps/"


def pods(*names):
    return [{"name": name} for name in names]


@contextlib.contextmanager
def living(cluster, place, *command):
    """Have a process for the length of a ``with`` block, however that ends."""
    with cluster.start(place, *command) as process:
        try:
            yield process
        finally:
            process.kill()


def reaches(cluster, place, address):
    done = cluster.try_exec(place, "ping", "-n", "-q", "-c", "1", "-W", "2", address)
    return done.returncode == 0


def devices(cluster, place):
    return {link["ifname"] for link in cluster.json(place, "ip", "-j", "link")}


def fails_at_its_end(cluster, *arguments):
    """Run site, which does all but one pod of node-1; return the run and what it says of that."""
    run = cluster.play("site", *arguments)
    assert run.status != 0
    failed = {(one.host, one.task.rpartition(" : ")[2]) for one in run.of("failed")}
    assert failed == {("node-1", "Check that all pods are connected")}, run.output
    (said,) = run.errors
    assert "All is done but 'renames'." in said
    assert "'mine'" in said
    return run, said


def misbehave(cluster):
    """One renames its device, one makes devices."""
    for words in ("set eth0 down", "set eth0 name mine"):
        cluster.exec("node-1/renames", "ip", "link", *words.split())
    for words in ("docker0 type bridge", "tun0 type veth peer name tun1"):
        cluster.exec("node-1/vpn", "ip", "link", "add", *words.split())


def behave(cluster):
    for words in ("set mine down", "set mine name eth0", "add own0 type bridge"):
        cluster.exec("node-1/renames", "ip", "link", *words.split())


def want_more(cluster, *names):
    """Change the pods of node-1, and have services and masquerading from now on."""
    cluster.nodes["node-1"]["podnet_pods"] = pods(*names)
    cluster.variables["podnet_masquerade"] = True
    backend = {"ip": cluster.pods("node-2")["node-2/far"]}
    cluster.variables["podnet_services"] = [
        {"name": "shop", "ports": [{"port": 80}], "backends": [backend]}
    ]


def test_a_run_finishes_all_others_and_fails_at_its_end(make_cluster):
    nodes = {"node-1": node(11), "node-2": node(12, podnet_pods=pods("far"))}
    cluster = make_cluster(inventory(nodes, pods=0, podnet_service_cidr="10.10.0.0/16"))
    bare = snapshots(cluster)
    # A pod has the number of this process, which lives in a namespace of its own.
    with living(cluster, "node-1", "unshare", "--net", "sleep", "infinity") as stranger:
        digits = str(stranger.pid)
        stay = ("renames", digits, "good")
        cluster.nodes["node-1"]["podnet_pods"] = pods(*stay, "vpn", "quits")
        cluster.play("site").ok()
        far = cluster.pods()["node-2/far"]
        assert reaches(cluster, f"node-1/{digits}", far)
        inside = ("nsenter", f"--net=/proc/{digits}/ns/net", "ip", "-j", "link")
        assert [one["ifname"] for one in cluster.json("node-1", *inside)] == ["lo"]

        misbehave(cluster)
        with living(cluster, "node-1/quits", "sleep", "infinity"):
            want_more(cluster, *stay, "new")
            check, said = fails_at_its_end(cluster, "--check")
            run, again = fails_at_its_end(cluster)
            assert said == again
            assert set(check.changed["node-1"]) == set(run.changed["node-1"])
            names = set(cluster.exec("node-1", "ip", "netns", "list").split())
            assert names & {"vpn", "quits"} == set()
            for name in ("new", "good", digits):
                assert reaches(cluster, f"node-1/{name}", far)
            for host in cluster.nodes:
                for table in ("services", "masquerade"):
                    assert cluster.json(
                        host, "bpftool", "-j", "map", "dump", "pinned", MAPS + table
                    )

            # Their names come back, in namespaces of their own; nothing else is to be done.
            want_more(cluster, *stay, "new", "vpn", "quits")
            run, _said = fails_at_its_end(cluster)
            plan, lines = run.changed["node-1"].values()
            assert plan == ["change file /var/lib/podnet/plan.json"]
            assert {line.split()[-1] for line in lines} == {"vpn", "quits"}
            assert list(run.changed) == ["node-1"]
            for name in ("vpn", "quits"):
                assert devices(cluster, f"node-1/{name}") == {"lo", "eth0"}

            behave(cluster)
            assert cluster.play("site").ok().of("failed") == []
            assert reaches(cluster, "node-1/renames", far)
            cluster.play("teardown").ok()
            assert differences(bare, snapshots(cluster)) == {}
