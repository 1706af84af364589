# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods are root in their namespaces; what they do there concerns nobody else, and no run stops."""

from __future__ import annotations

from .cluster import inventory, node
from .probes import differences, snapshots


def pods(*names):
    return [{"name": name} for name in names]


def reaches(cluster, place, address):
    done = cluster.try_exec(place, "ping", "-n", "-q", "-c", "1", "-W", "2", address)
    return done.returncode == 0


def test_a_run_finishes_all_others_and_fails_at_its_end(make_cluster):
    mine = pods("renames", "100", "vpn", "quits", "good")
    cluster = make_cluster(
        inventory(
            {"node-1": node(11, podnet_pods=mine), "node-2": node(12, podnet_pods=pods("far"))},
            pods=0,
            podnet_service_cidr="10.10.0.0/16",
        )
    )
    bare = snapshots(cluster)
    # Its number is that of a process which lives in a namespace of its own.
    with cluster.start("node-1", "unshare", "--net", "sleep", "infinity") as stranger:
        mine[1]["name"] = str(stranger.pid)
        digits = f"node-1/{stranger.pid}"
        cluster.play("site").ok()
        assert set(cluster.pods()) == {
            *(f"node-1/{pod['name']}" for pod in mine),
            "node-2/far",
        }
        inside = cluster.exec(
            "node-1", "nsenter", f"--net=/proc/{stranger.pid}/ns/net", "ip", "-j", "link"
        )
        assert "eth0" not in inside
        assert reaches(cluster, digits, cluster.pods()["node-2/far"])

        # All at once: one renames its device, one makes devices, one holds its namespace busy.
        for words in ("set eth0 down", "set eth0 name mine"):
            cluster.exec("node-1/renames", "ip", "link", *words.split())
        cluster.exec("node-1/vpn", "ip", "link", "add", "docker0", "type", "bridge")
        cluster.exec(
            "node-1/vpn", "ip", "link", "add", "tun0", "type", "veth", "peer", "name", "tun1"
        )
        with cluster.start("node-1/quits", "sleep", "infinity") as busy:
            left = [pod for pod in mine if pod["name"] not in ("vpn", "quits")]
            cluster.nodes["node-1"]["podnet_pods"] = [*left, {"name": "new"}]
            cluster.variables["podnet_masquerade"] = True
            cluster.variables["podnet_services"] = [
                {
                    "name": "shop",
                    "cluster_ip": "10.10.0.80",
                    "ports": [{"port": 80}],
                    "backends": [{"ip": cluster.pods()["node-2/far"]}],
                }
            ]
            reasons = []
            for arguments in (("--check",), (), ()):
                run = cluster.play("site", *arguments)
                assert run.status != 0
                (failed,) = run.of("failed")
                assert (failed.host, failed.task.rpartition(" : ")[2]) == (
                    "node-1",
                    "Have every pod in the network",
                )
                reasons += run.errors
            assert len(set(reasons)) == 1
            assert "'renames'" in reasons[0]
            assert "'mine'" in reasons[0]
            assert not any(f"'{name}'" in reasons[0] for name in ("good", "new", "vpn", "quits"))
            # The second run had nothing to do, and said the same.
            assert run.changed == {}

            names = set(cluster.exec("node-1", "ip", "netns", "list").split())
            assert names & {"vpn", "quits"} == set()
            assert {"renames", "good", "new", str(stranger.pid)} <= names
            far = cluster.pods()["node-2/far"]
            assert reaches(cluster, "node-1/new", far)
            # Its device has the pod's own name by now, and the network all the same.
            assert reaches(cluster, "node-1/good", far)
            pinned = "/sys/fs/bpf/podnet/maps/"
            for host in ("node-1", "node-2"):
                assert cluster.json(
                    host, "bpftool", "-j", "map", "dump", "pinned", pinned + "services"
                )
                assert cluster.json(
                    host, "bpftool", "-j", "map", "dump", "pinned", pinned + "masquerade"
                )

            # Those names come back, in namespaces of their own.
            cluster.nodes["node-1"]["podnet_pods"] = [*left, *pods("new", "vpn", "quits")]
            assert cluster.play("site").status != 0
            for name in ("vpn", "quits"):
                links = cluster.json(f"node-1/{name}", "ip", "-j", "link")
                assert {link["ifname"] for link in links} == {"lo", "eth0"}
            cluster.exec("node-1/vpn", "ip", "link", "add", "docker0", "type", "bridge")
            for words in ("set mine down", "set mine name eth0"):
                cluster.exec("node-1/renames", "ip", "link", *words.split())
            cluster.play("site").ok()
            assert reaches(cluster, "node-1/renames", far)

            cluster.exec("node-1/renames", "ip", "link", "add", "own0", "type", "bridge")
            cluster.play("teardown").ok()
            assert differences(bare, snapshots(cluster)) == {}
            busy.kill()
        stranger.kill()
