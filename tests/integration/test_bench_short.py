"""The benchmarks work: every figure comes, none of them is judged, and nothing stays behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.lab import cgroups
from ansible_collections.podnet.fabric.tests.bench import (
    balancers,
    programs,
    ratios,
    runs,
    service_times,
    services,
    times,
    topology,
)

CHECKOUT = Path(__file__).parent.parent.parent
#: What is measured here; the others are in test_bench_more.py.
SECTIONS = ("ratios", "programs", "services")


def bench(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench", *options],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def short(folder: Path, *options: str) -> tuple[str, dict[str, Any]]:
    """Measure shortly; return what was printed, and what was found."""
    process = bench("--short", "--out", str(folder), *options)
    printed, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return printed, json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What a short run printed, and the folder that it wrote to."""
    folder = tmp_path_factory.mktemp("bench")
    printed, _found = short(folder, "--only", *SECTIONS)
    return printed, folder


@pytest.mark.whole
def test_every_datapath_has_a_ratio_for_every_yardstick(short_run: tuple[str, Path]) -> None:
    results = json.loads((short_run[1] / "results.json").read_text())
    measured = {(one["place"], one["yardstick"], one["datapath"]) for one in results["ratios"]}
    wanted = {
        (place, yardstick.name, datapath)
        for place, compared in ratios.COMPARED.items()
        for yardstick in ratios.YARDSTICKS
        for datapath in compared
    }
    assert measured == wanted
    for one in results["ratios"]:
        assert one["ns"] > 0, one
        assert len(one["rounds"]) == results["rounds"] == 2, one
        assert one["low"] <= one["ratio"] <= one["high"], one
        if one["datapath"] == ratios.REFERENCE:
            assert one["ratio"] == 1, one


@pytest.mark.whole
def test_programs_are_timed_beside_an_empty_one(short_run: tuple[str, Path]) -> None:
    results = json.loads((short_run[1] / "results.json").read_text())
    by_name = {one["name"]: one for one in results["programs"]}
    assert by_name[programs.EMPTY]["above_empty"] == 0
    for name in (
        "floor, to a local pod",
        "floor, to a remote pod",
        "from_container, to a local pod",
        "from_container, to a remote pod",
        "from_container, into the tunnel",
        "from_netdev, to a pod",
        "guard",
    ):
        assert by_name[name]["ns"] > by_name[programs.EMPTY]["ns"] > 0, by_name


@pytest.mark.whole
def test_a_program_is_compared_with_the_calls_that_it_makes(short_run: tuple[str, Path]) -> None:
    results = json.loads((short_run[1] / "results.json").read_text())
    costs = {one["name"]: one["ns"] for one in results["units"]}
    assert {"look up endpoints", "redirect_peer", "set_tunnel_key"} <= set(costs)
    over = {one["name"]: one["over_units"] for one in results["programs"]}
    for name, ratio in over.items():
        # Those of others are not compiled once more.
        assert (ratio is None) == name.startswith(("floor", programs.EMPTY)), over
        assert ratio is None or 0.2 < ratio < 20, over


@pytest.mark.whole
def test_every_way_to_a_service_has_a_ratio_with_few_and_with_more(
    short_run: tuple[str, Path],
) -> None:
    connects = json.loads((short_run[1] / "results.json").read_text())["services"]["connect"]
    measured = {(one["place"], one["name"], one["services"]) for one in connects}
    everywhere = {
        *((name, None) for name in (ratios.REFERENCE, ratios.AGAIN, services.DIRECT)),
        *((services.SOCKETS, size) for size in services.FEW),
    }
    wanted = {(place, *one) for place in topology.PLACES for one in everywhere}
    wanted |= {
        (topology.ONE_NODE, rules.name, size) for rules in balancers.RULES for size in services.FEW
    }
    wanted.add((topology.ONE_NODE, services.PACKETS, services.FEW[-1]))
    assert measured == wanted
    for one in connects:
        assert 0.2 < one["ratio"] < 20, one
        assert one["low"] <= one["ratio"] <= one["high"], one
        assert one["aim"] == (services.CONNECT_AIM if one["name"] == services.SOCKETS else None)


@pytest.mark.whole
def test_the_hook_costs_something_where_it_leads_to_a_backend(
    short_run: tuple[str, Path],
) -> None:
    found = json.loads((short_run[1] / "results.json").read_text())["services"]
    by_key = {(one["name"], one["services"]): one for one in found["hook"]}
    hits = [(services.HIT, size) for size in services.FEW]
    alone = [(name, None) for name in (services.NO_HOOK, services.NO_HOOK_AGAIN, services.MISS)]
    assert list(by_key) == [*alone, *hits]
    for key in hits:
        assert by_key[key]["ns"] > by_key[services.NO_HOOK, None]["ns"] > 0, by_key
    assert (found["flat"]["fewest"], found["flat"]["most"]) == (1, services.FEW[-1])


@pytest.mark.whole
def test_services_are_brought_to_the_kernel_by_every_way(short_run: tuple[str, Path]) -> None:
    applied = json.loads((short_run[1] / "results.json").read_text())["services"]["applied"]
    own = [service_times.MAPS, service_times.MODULE, service_times.TASK]
    assert [one["name"] for one in applied] == [*(rules.name for rules in balancers.RULES), *own]
    for one in applied:
        assert one["services"] == services.FEW[-1], one
        assert one["full"]["seconds"] > 0, one
        assert one["change"]["seconds"] > 0, one
        assert one["kernel"] is None or one["kernel"] > 0, one
    by_name = {one["name"]: one for one in applied}
    for name in (service_times.MODULE, service_times.TASK):
        assert by_name[name]["again"]["seconds"] > 0, by_name[name]


@pytest.mark.whole
def test_a_table_is_printed_and_a_chart_is_drawn(short_run: tuple[str, Path]) -> None:
    printed, folder = short_run
    for place in topology.PLACES:
        assert f"Pod to pod, {place}" in printed, printed
        assert f"Connect to a ClusterIP, {place}" in printed, printed
    printed = printed.partition("Connect to a ClusterIP")[0]
    rows = [line[2:].split("  ")[0] for line in printed.splitlines() if line.startswith("  ")]
    for datapath in ratios.COMPARED[topology.ACROSS_NODES]:
        title = f"{datapath} (A/A: the noise)" if datapath == ratios.AGAIN else datapath
        places = sum(datapath in compared for compared in ratios.COMPARED.values())
        assert rows.count(title) == places, f"{title!r} in\n{printed}"
    assert (folder / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "chart.svg").read_text()


@pytest.mark.whole
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_cut_short_leaves_nothing_behind(how: signal.Signals, tmp_path: Path) -> None:
    which = ("--only", "ratios", "--datapaths", "podnet")
    process = bench(*which, "--rounds", "99", "--out", str(tmp_path))
    assert process.stderr is not None
    for line in process.stderr:
        if "round 1 " in line:
            break
    ours = namespaces_held_by(process.pid)
    assert len(ours) > 2 * len(ratios.DATAPATHS), "too few namespaces to be the benchmark's"
    process.send_signal(how)
    process.communicate(timeout=300)
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    until = time.monotonic() + 60  # the yardstick's processes are told by the kernel
    while (left := held_by_anyone(ours)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left, f"these processes are still in a namespace of the benchmark: {left}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.whole
def test_folders_of_cgroups_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    process = bench("--short", "--only", "services", "--rounds", "99", "--out", str(tmp_path))
    folder = cgroups.mount_point() / f"podnet-bench-{process.pid}"
    # One of the clients that programs do not see, and one of each number of services.
    while len(list(folder.glob("*/cgroup.procs"))) <= len(services.FEW):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=300)
    until = time.monotonic() + 60
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()


def test_a_command_is_timed_from_the_state_that_it_asks_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    say = [["sh", "-c", f"echo {word} >> {log}"] for word in ("before", "timed", "after")]
    command = times.Command("say", say[1], before=[say[0]], after=[say[2]], repeat=2, aim=5.0)
    (result,) = times.measure([command])
    assert log.read_text().split() == ["before", "timed", "before", "timed", "after"]
    assert (result["name"], result["aim"], len(result["runs"])) == ("say", 5.0, 2)


def test_the_large_plan_is_planned_in_full() -> None:
    argv = [sys.executable, "-m", "tests.bench.plan_of", "20", "500"]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "20 pod CIDRs, 500 pods\n"), done.stderr


def test_a_command_that_fails_is_an_error_with_what_it_said() -> None:
    command = times.Command("fails", ["sh", "-c", "echo no such pod; exit 3"])
    with pytest.raises(RuntimeError, match="no such pod"):
        times.measure([command])


def namespaces_held_by(pid: int) -> set[str]:
    """Return the namespaces that a process has open, such as ``net:[4026532000]``."""
    own = {link_of(Path(f"/proc/self/ns/{kind}")) for kind in ("net", "mnt")}
    opened = {link_of(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    return {one for one in opened if one.startswith(("net:[", "mnt:["))} - own


def held_by_anyone(namespaces: set[str]) -> list[str]:
    """Return the processes that are in one of the namespaces, or have it open."""
    files = [
        *Path("/proc").glob("[0-9]*/ns/net"),
        *Path("/proc").glob("[0-9]*/ns/mnt"),
        *Path("/proc").glob("[0-9]*/fd/*"),
    ]
    return sorted({str(file.parts[2]) for file in files if link_of(file) in namespaces})


def link_of(file: Path) -> str:
    """Return what a link of /proc points at, or nothing where it went away meanwhile."""
    try:
        return str(file.readlink())
    except OSError:
        return ""


def test_a_run_has_a_cost_for_each_size_and_leaves_no_lab() -> None:
    said: list[str] = []
    rows = runs.measure((1,), 1, progress=said.append)
    assert said == ["runs over 1 nodes"]
    assert [one["run"] for one in rows] == [runs.FIRST, runs.RERUN]
    first, again = rows
    assert 0 < again["cpu_a_node"] < first["cpu_a_node"]
    assert min(one[key] for one in rows for key in ("seconds", "memory")) > 0
    lab = subprocess.run([CHECKOUT / "lab", "list"], capture_output=True, text=True, check=False)
    assert "bench-runs-" not in lab.stdout
