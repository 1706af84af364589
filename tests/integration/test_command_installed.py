# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The node's own command comes, converges and goes; what it costs on a node with many pods."""

from __future__ import annotations

import json
import os
import resource
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.command.table import (
    NO_ANSWER,
    SOUND,
    UNSOUND,
)
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.tasks import build as items_of
from ansible_collections.podnet.fabric.plugins.module_utils.installed import (
    command,
    metrics,
    systemd,
)
from ansible_collections.podnet.fabric.plugins.module_utils.installed import plan as kept
from ansible_collections.podnet.fabric.plugins.plugin_utils import folded
from ansible_collections.podnet.fabric.tests.waiting import wait_for
from node_support import CLUSTER, bare_node, items, make_datapath, options, plan, pod
from running import do, fails, four_runs, run, run_module
from systemd_host import booted_node
from test_command import FILES, podnet, series


def given(node: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the options of the module, as its action plugin gives them."""
    return {"node": {**node, **more}, "_folded": folded.of_all_programs(texts=True)}


def test_it_comes_converges_and_goes():
    with bare_node():
        do("touch", "/run/before")
        before = do("find", "/etc", "/usr/local", "/var/lib", "-newer", "/run/before", "-type", "f")
        folders = do("find", "/usr/local", "-type", "d")
        node = plan("web-1")
        made = four_runs("node_command", **given(node))
        assert made["changes"] == [f"create file {path}" for path in FILES]
        for path, mode in zip(FILES, (0o700, 0o644, 0o644, 0o600, 0o600)):
            assert (stat.S_IMODE(Path(path).stat().st_mode), Path(path).stat().st_uid) == (mode, 0)
        assert set(json.loads(kept.PATH.read_text())["endpoints"][1]) == set(kept.ENDPOINT_WORDS)
        # Nothing is there of a network yet.
        done = podnet("status")
        assert (done.returncode, "No: the pod network is not on this node" in done.stdout) == (
            UNSOUND,
            True,
        )
        assert podnet("why", "a", "b", "--port", "80").returncode == NO_ANSWER
        # Another plan, somebody's hand, and what a killed run left.
        command.COMMAND.with_name(".podnet.new").write_bytes(b"half")
        command.COMMAND.write_bytes(command.COMMAND.read_bytes()[:-9] + b"other one")
        command.COMPLETIONS["bash"].chmod(0o600)
        again = four_runs("node_command", **given(node, mtu=1400))
        changed = (FILES[0], FILES[1], FILES[4])
        assert again["changes"] == [f"change file {path}" for path in changed]
        assert not list(command.COMMAND.parent.glob(".*"))
        gone = four_runs("teardown")
        wanted = [*FILES[1:3], FILES[0], FILES[4], FILES[3]]
        assert gone["changes"] == [f"remove file {path}" for path in wanted]
        after = do("find", "/etc", "/usr/local", "/var/lib", "-newer", "/run/before", "-type", "f")
        assert after == before
        assert do("find", "/usr/local", "-type", "d") == folders
        done = podnet_of_another(node)
        assert "podnet status" not in done


def podnet_of_another(node: dict[str, Any]) -> str:
    """Somebody else's command stays; return what it says."""
    command.COMMAND.write_text("#!/bin/sh\necho other\n")
    command.COMMAND.chmod(0o755)
    fails("node_command", str(command.COMMAND), "not ours", **given(node))
    run("teardown")
    return podnet().stdout


def test_units_of_metrics_come_where_systemd_runs():
    wanted = {"listen": "10.111.0.8:9964", "textfile": "/run/textfile", "cilium_names": True}
    with bare_node():
        node = plan("web-1")
        run("node_command", **given(node))
        told = run_module("node_command", **given(node, metrics=wanted))
        assert [one.partition(",")[0] for one in told.warned] == ["There is no systemd here"]
        assert told["changes"] == [f"change file {kept.PATH}"]
        # As systemd: what is asked of it is written down.
        systemd.BOOTED.mkdir(parents=True)
        said, asked = Path("/run/said"), Path("/run/systemctl")
        said.touch()
        asked.write_text(
            "#!/bin/sh\necho $* >>/run/said\n"
            '[ "$1" != show ] || printf "ActiveState=active\\nUnitFileState=enabled\\n"\n'
        )
        asked.chmod(0o755)
        do("mount", "--bind", str(asked), systemd._SYSTEMCTL)
        found = [f"file {systemd.FOLDER / unit}" for unit in metrics.UNITS]
        waiting = [f"unit {metrics.SOCKET}", f"unit {metrics.TIMER}"]
        made = four_runs("node_command", **given(node, metrics=wanted))
        assert made["changes"] == [f"create {one}" for one in (*found, *waiting)]
        for unit in (metrics.SOCKET, metrics.TIMER):
            assert f"enable {unit}\nrestart {unit}\n" in said.read_text()
        Path("/run/textfile").mkdir()
        verified = subprocess.run(
            [
                "systemd-analyze",
                "verify",
                "--man=no",
                *(systemd.FOLDER / unit for unit in metrics.UNITS),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert [line for line in verified.stderr.splitlines() if "podnet" in line] == []
        (Path("/run/textfile") / metrics.FILE).write_text("# Made by podnet.fabric.\n")
        less = four_runs("node_command", **given(node, metrics={**wanted, "textfile": None}))
        assert less["changes"] == [
            f"remove file /run/textfile/{metrics.FILE}",
            f"remove unit {metrics.TIMER}",
            f"remove {found[2]}",
            f"remove {found[3]}",
            f"change file {kept.PATH}",
        ]
        gone = four_runs("teardown")
        assert gone["changes"][:3] == [f"remove {one}" for one in (waiting[0], *found[:2])]
        assert not list(systemd.FOLDER.glob("podnet*"))
        do("umount", systemd._SYSTEMCTL)


def test_systemd_itself_answers_scrapes_and_has_the_file_written(monkeypatch):
    address, textfile = "127.0.0.1:9964", Path("/run/textfile")
    with booted_node():
        do("ip", "link", "set", "lo", "up")
        # Ansible's interpreter is in a home, and the command's is the same.
        do("mount", "-t", "tmpfs", "none", "/home")
        folder = "/home/ann/environment"
        do(sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", folder)
        os.chown("/home/ann", 1000, 1000)
        monkeypatch.setattr(sys, "executable", f"{folder}/bin/python")
        node = plan("web-1")
        make_datapath(node)
        run("endpoints", **options([pod("web-1", 1)]))
        textfile.mkdir()
        wanted = {"listen": address, "textfile": str(textfile), "cilium_names": False}
        warned = run("node_command", **given(node, metrics=wanted)).warned
        assert "/home/ann belongs to the user 1000" in " ".join(warned)
        with socket.create_connection(("127.0.0.1", 9964)):  # and says nothing
            text = do("curl", "-sS", "--max-time", "60", f"http://{address}/metrics")
        assert series(text)['podnet_endpoints{state="up"}'] == 1
        wait_for("a file", (textfile / metrics.FILE).exists)
        assert series((textfile / metrics.FILE).read_text()).keys() == series(text).keys()
        run("teardown")
        assert address not in do("ss", "-Hltn")


def test_a_scrape_of_250_pods_is_cheap_and_short():
    with bare_node():
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(CLUSTER, "podnet_node_cidr_mask_size", 23)
            node = plan(*(f"web-{number}" for number in range(250)))
        make_datapath(node)
        run("endpoints", endpoints=items(node), purge=True, **items_of(node)["endpoint_options"])
        run("node_command", **given(node))
        text = podnet("metrics", "--cilium-names").stdout
        found = series(text)
        assert found['podnet_endpoints{state="up"}'] == 251
        assert len(found) < 2000
        assert takes_less(0.15, "metrics")
        assert takes_less(0.4, "endpoints")
        run("endpoints", **options([pod("web-1", 1)]))
        assert takes_less(0.25, "endpoints")
        run("teardown")


def takes_less(seconds: float, word: str) -> bool:
    """Say whether a word takes so little of a processor, which others that are busy slow down."""
    return any(cpu_of(word) < seconds for _try in range(40))


def cpu_of(*words: str) -> float:
    """Return the seconds of processors that a call takes, whatever runs beside it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert podnet(*words).returncode == SOUND
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_where_there_is_no_network_no_word_says_that_all_is_sound():
    with bare_node():
        run("node_command", **given(plan("web-1")))
        for word in ("endpoints", "services", "nat", "policy", "drops"):
            done = podnet(word)
            assert (done.returncode, done.stdout) == (NO_ANSWER, ""), word
            assert "is not on this node" in done.stderr
        kept.PATH.write_text("{}")
        for word in ("status", "endpoints", "metrics"):
            done = podnet(word)
            assert (done.returncode, done.stdout) == (NO_ANSWER, "")
            assert f"{kept.PATH} is not what a run writes" in done.stderr
        run("teardown")
