# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs are compiled once a run; a node that never compiles needs no compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.plugin_utils.objects import CACHE

from .cluster import Cluster, inventory
from .predictions import predicted_then_done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .cluster import Run

# On the host alone: its mounts are its own.
HIDE = """
set -eu
cd /usr/lib/python3/dist-packages
layers=$(mktemp -d)
mount -t tmpfs none "$layers"
mkdir "$layers/upper" "$layers/work"
mount -t overlay none -o "lowerdir=$PWD,upperdir=$layers/upper,workdir=$layers/work" "$PWD"
umount -l "$layers"
rmdir "$layers"
rm -r /usr/lib/python3/dist-packages/bcc
"""
SERVICES = {
    "podnet_service_cidr": "10.10.0.0/16",
    "podnet_services": [
        {
            "name": "web",
            "cluster_ip": "10.10.0.10",
            "selector": {"app": "app"},
            "ports": [{"port": 80}],
        }
    ],
}
#: What the nodes of a cluster in native routing run.
NATIVE = {"from_container", "from_netdev", "from_host"}


def compiles(run: Run) -> list[tuple[set[str], str]]:
    """What was compiled, and where: one item a run of the compiler's module."""
    return [
        (set(event.result["compiled"]), event.result["host"])
        for event in run.of("ok")
        if event.result.get("compiled")
    ]


@pytest.fixture(scope="module", autouse=True)
def no_cache() -> Iterator[None]:
    """Have each run compile for itself, whatever other tests do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(CACHE, raising=False)
        yield


@pytest.fixture(scope="module")
def cluster(make_module_cluster: Callable[..., Cluster]) -> Cluster:
    """Three nodes, of which the last one alone has a compiler; no network yet."""
    made = make_module_cluster(inventory(3, pods=3))
    for name in ("node-1", "node-2"):
        made.exec(name, "sh", "-c", HIDE)
        assert "No module" in made.try_exec(name, "/usr/bin/python3", "-c", "import bcc").stderr
    made.exec("node-3", "/usr/bin/python3", "-c", "import bcc")
    return made


def programs(cluster: Cluster) -> dict[str, dict[str, str]]:
    """By node: the tag of each of its pinned programs."""
    found: dict[str, dict[str, str]] = {}
    for name in cluster.nodes:
        listed: list[dict[str, Any]] = cluster.json(name, "bpftool", "-jf", "prog")
        found[name] = {
            one["name"]: one["tag"]
            for one in listed
            if any("/podnet/programs/" in path for path in one.get("pinned", ()))
        }
    return found


def test_the_node_that_can_compiles_for_all(cluster: Cluster) -> None:
    done = predicted_then_done(cluster)
    assert done.changed.keys() == cluster.nodes.keys()
    assert compiles(done) == [(NATIVE, "node-3")]
    # It says what it lacks where the run comes by anyhow, and is not asked for that alone.
    first = done.result("node-1", "Mount bpffs and cgroup2, set kernel settings")
    asked = done.result("node-1", "Create devices, maps and programs")
    assert asked["lacks"] == first["lacks"]
    assert "invocation" not in asked
    found = programs(cluster)
    assert set(found["node-1"]) == NATIVE
    assert found["node-1"] == found["node-2"] == found["node-3"]
    assert "3/3 reachable" in cluster.play("health").ok().output


def test_a_rerun_compiles_nothing(cluster: Cluster) -> None:
    again = cluster.play("site").ok()
    assert (again.changed, compiles(again)) == ({}, [])


def test_a_node_that_lost_its_programs_alone_gets_them(cluster: Cluster) -> None:
    cluster.reboot("node-3", bare=True)
    done = cluster.play("site").ok()
    assert "node-1" not in done.changed
    assert [where for _made, where in compiles(done)] == ["node-3"]


def test_what_comes_later_is_compiled_alone_and_one_fork_is_enough(cluster: Cluster) -> None:
    cluster.variables.update(SERVICES)
    done = cluster.play("site", "-f", "1").ok()
    ((made, where),) = compiles(done)
    assert {"socket_connect4", "to_netdev"} <= made
    assert where == "node-3"
    found = programs(cluster)
    assert found["node-1"] == found["node-2"] == found["node-3"]
    assert "connect4" in found["node-1"]


def test_where_nobody_can_the_run_says_what_is_missing(cluster: Cluster) -> None:
    before = programs(cluster)
    cluster.exec("node-3", "sh", "-c", HIDE)
    cluster.variables["podnet_masquerade"] = True
    failed = cluster.play("site")
    assert failed.status != 0
    assert any("bcc" in text and "python3-bpfcc" in text for text in failed.errors), failed.errors
    assert programs(cluster) == before


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An empty cache of the user's."""
    return {CACHE: str(tmp_path_factory.mktemp("cache") / "objects")}


def test_the_host_that_compiles_can_be_chosen(cluster: Cluster, kept: dict[str, str]) -> None:
    for name in SERVICES:
        del cluster.variables[name]
    cluster.inventory["all"]["hosts"]["builder"] = {
        "ansible_connection": "local",
        "ansible_host": "127.0.0.1",
    }
    cluster.variables["podnet_compiler"] = "builder"
    done = cluster.play("site", "--limit", "node-1,node-2", **kept).ok()
    assert [where for _made, where in compiles(done)] == ["builder"]
    assert programs(cluster)["node-1"] == programs(cluster)["node-2"]


def test_with_a_cache_a_later_run_compiles_nothing(cluster: Cluster, kept: dict[str, str]) -> None:
    """The run before this one had an empty one."""
    found = programs(cluster)["node-1"]
    cluster.down()
    cluster.up()
    done = cluster.play("site", "--limit", "node-1,node-2", **kept).ok()
    assert compiles(done) == []
    assert programs(cluster)["node-1"] == found
