# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change of a run that nobody confirms is undone, by systemd's own timer."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import systemd_host
from ansible_collections.podnet.fabric.plugins.module_utils.steps import parts
from ansible_collections.podnet.fabric.tests.waiting import wait_for
from node_support import plan, sysctl
from running import ROOT, do, run, run_module
from systemd_host import booted_node, timers
from test_converge import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from running import Run

STATE = Path("/var/lib/podnet")
PENDING = STATE / "pending"
UNDONE = Path("/run/podnet-undo")
COMMAND = "/usr/local/sbin/podnet"
#: Seconds after its timeout within which a change is undone.
SLACK = 5
MARTIANS = "net.ipv4.conf.eth0.log_martians"


class Play:
    """One run of the playbook ``site``, as its action plugin has it."""

    def __init__(self, of: dict[str, Any], *, by: str = "root@ctl", seconds: int = 60) -> None:
        self.of, self.armed = of, False
        Play.number += 1
        self.guard = {"run": f"run-{Play.number}", "by": by, "seconds": seconds}
        self.done: dict[str, Run] = {}

    number = 0

    def part(self, name: str, *, check: bool = False, **more: Any) -> Run:
        guard = {**self.guard, "armed": self.armed, **more.pop("guard", {})}
        done = run_module("converge", check=check, **options(name, self.of, _guard=guard, **more))
        self.armed |= done.get("armed", False)
        self.done[name] = done
        assert not done.failed, done["msg"]
        return done

    def parts(self, *names: str, check: bool = False, **more: Any) -> Play:
        for name in names or parts.PARTS:
            self.part(name, check=check, **more)
        return self

    def confirm(self) -> None:
        self.part("boot", guard={"confirms": True})

    @property
    def changes(self) -> list[str]:
        return [line for done in self.done.values() for line in done["changes"]]


def node(*pods: str, **more: Any) -> dict[str, Any]:
    return {**plan(*pods), "balances": False, "holds_policies": False, **more}


def site(of: dict[str, Any], **more: Any) -> list[str]:
    """Do a whole run; return what it changed."""
    play = Play(of, **more).parts()
    if play.armed:
        play.confirm()
    return play.changes


def podnet(*words: str) -> tuple[int, str]:
    """Run a word of the command; return its exit status, and what it wrote."""
    done = subprocess.run([COMMAND, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


#: What a packet's way depends on, and what differs of it with each object that is made anew.
LISTS = ("addr", "route show table all", "rule", "neigh show nud permanent", "netns")
PASSING = re.compile(
    r"^\d+: |@if\d+|link-netns\S* \S+|\(id: \d+\)|valid_lft.*|^.*(?:/64|fe80).*$", re.M
)
#: What is newer than this file is ours.
STAMP = Path("/run/before")
SETTINGS = "sysctl -a 2>/dev/null | grep -E 'ipv4.*(eth0|pn_)|reserved' || true"
FILES = f"""
find {STATE} /usr/local/sbin /usr/local/share /etc -newer {STAMP} -type f \
    ! -name entries.json ! -name last-runs -exec sha256sum {{}} + 2>/dev/null || true
"""


def held() -> set[str]:
    """Return what the kernel and the disk hold, ours and the host's, less what passes."""
    found = [PASSING.sub("", do("ip", *one.split())) for one in LISTS]
    found += [do("sh", "-c", script) for script in (SETTINGS, FILES)]
    return {line for text in found for line in text.splitlines()}


def same(before: set[str]) -> bool:
    """Fail with what is not as it was."""
    now = held()
    assert (sorted(before - now), sorted(now - before)) == ([], [])
    return True


@pytest.fixture(scope="module", autouse=True)
def _host() -> Iterator[None]:
    with booted_node():
        STAMP.touch()
        yield


@pytest.fixture
def before() -> set[str]:
    """Have a network of a confirmed run; return what is held."""
    site(node("web-1"))
    assert pending() is None
    return held()


def pending() -> dict[str, Any] | None:
    path = PENDING / "change.json"
    return json.loads(path.read_text()) if path.exists() else None


def last(what: str) -> float:
    """Return when a run last did something, 0 where none did, as Prometheus is told."""
    found = re.search(rf"^podnet_last_{what}_timestamp_seconds (\S+)$", podnet("metrics")[1], re.M)
    return float(found[1]) if found else 0.0


def is_undone() -> bool:
    return not PENDING.exists() and timers() == ""


def another(**more: Any) -> dict[str, Any]:
    """Return another plan of the node: another cell, other pods, its metrics."""
    return node("web-2", "web-3", datapath="routed", **more)


def test_a_first_run_is_confirmed_and_a_rerun_arms_nothing():
    of = node("web-1")
    would = Play(of).parts(check=True)
    assert not STATE.exists()
    began = time.time()
    play = Play(of).parts()
    assert (last("confirm"), last("change") > began - 0.01) == (0, True)
    for one in (would, play):
        assert one.changes.count("create timer podnet-undo.timer") == 1
    assert "create file /var/lib/podnet/boot.json" in would.done["boot"]["changes"]
    assert would.done["boot"]["changes"] == play.done["boot"]["changes"]
    assert "podnet-undo.timer" in timers()
    assert not (STATE / "boot.json").exists()
    files = [file for file in PENDING.rglob("*") if file.is_file()]
    assert {file.stat().st_mode & 0o077 for file in [PENDING, *files]} == {0}
    assert "Pending: " in podnet("status")[1].replace("   ", " ")
    play.confirm()
    assert (STATE / "boot.json").exists()
    assert is_undone()
    times = last("change"), last("confirm")
    assert began - 0.01 < times[0] <= times[1] < time.time() + 0.01
    for check in (True, False):
        assert Play(of).parts(check=check).changes == []
    assert pending() is None
    assert (last("change"), last("confirm")) == times


@pytest.mark.parametrize("parted", [["node", "datapath", "peers"], list(parts.PARTS)], ids=len)
def test_what_nobody_confirms_is_undone_to_the_byte(before, parted):
    confirmed = last("confirm")
    play = Play(another(), seconds=4).parts(*parted, sysctls={MARTIANS: 1})
    assert play.armed
    assert sysctl(MARTIANS) == "1"
    deadline = pending()["deadline"]
    wait_for("the timer undoes it", is_undone, 60)
    late = time.monotonic() - deadline
    print(f"undone {late:.1f} s after the timeout")
    assert late < SLACK
    assert same(before)
    assert sysctl(MARTIANS) == "0"
    assert "web-1" in do("ip", "netns")
    assert "change by root@ctl" in podnet("status")[1]
    assert last("change") > last("confirm") == confirmed > 0
    assert site(node("web-1")) == []


def test_a_run_whose_change_was_undone_meanwhile_ends_there(before):
    play = Play(another(), seconds=2).parts("node", "datapath")
    wait_for("the timer undoes it", is_undone, 60)
    with pytest.raises(AssertionError, match="What this run changed has been undone"):
        play.part("peers")
    assert same(before)


def test_each_part_extends_it_and_so_does_the_next_run_but_not_somebody_elses(before):
    Play(another(), seconds=60).parts("node", "datapath")
    first = pending()
    Play(another(), seconds=60).parts("node")
    assert pending()["deadline"] > first["deadline"]
    assert pending()["since"] == first["since"]
    for check in (True, False):
        with pytest.raises(AssertionError, match=r"by root@ctl of .* pending .* in \d+ s"):
            Play(node("web-9"), by="ann@laptop").parts(check=check)
    # What looks on, and what finds nothing to do, is nobody's business.
    Play(another(), by="ann@laptop").part("node")
    with pytest.raises(AssertionError, match="not come to its end"):
        Play(another()).part("boot", guard={"confirms": True})
    assert "not come to its end" in podnet("confirm")[1]
    assert podnet("undo")[0] == 0
    assert is_undone()
    assert same(before)
    assert podnet("undo") == (0, "no change is pending: there is nothing to undo\n")
    assert podnet("confirm") == (0, "no change is pending: there is nothing to confirm\n")


def test_by_hand_it_is_confirmed_when_all_of_it_stands(before):
    of = node("web-1", "web-2", mtu=1400)
    Play(of).parts()
    assert podnet("confirm")[0] == 0
    assert is_undone()
    assert site(of) == []
    assert held() != before


def test_a_peer_that_answered_before_and_does_not_now_keeps_it_from_being_confirmed(before):
    play = Play(node("web-1", mtu=1300)).parts()
    do("ip", "route", "add", "blackhole", "10.111.0.9/32")
    with pytest.raises(AssertionError, match=r"not confirmed.* 10\.111\.0\.9 answered"):
        play.confirm()
    do("ip", "route", "del", "blackhole", "10.111.0.9/32")
    assert podnet("undo")[0] == 0
    assert same(before)


def test_where_the_timer_cannot_be_armed_the_run_does_not_begin(before):
    masked = systemd_host.UNITS / "podnet-undo.timer"
    masked.symlink_to("/dev/null")
    do("systemctl", "daemon-reload")
    changed, confirmed = last("change"), last("confirm")
    try:
        with pytest.raises(AssertionError, match="Nothing would undo this change, so it is not"):
            Play(another()).parts()
        assert same(before)
        assert (last("change"), last("confirm")) == (changed, confirmed)
        # Who says so goes without.
        assert Play(node("web-1", mtu=1200), seconds=0).parts().changes != []
        assert changed < last("change") <= last("confirm")
        assert Play(node("web-1", mtu=1200)).parts().changes == []
    finally:
        masked.unlink()
        do("systemctl", "daemon-reload")


def test_who_holds_the_lock_meanwhile_is_ended(before):
    Play(another(), seconds=4).parts("node", "datapath")
    paths = {**os.environ, "PYTHONPATH": str(ROOT / ".build/collections")}
    words = [sys.executable, "-c", HOLDS]
    holds = subprocess.Popen(words, stdout=subprocess.PIPE, env=paths)
    assert holds.stdout.readline()
    wait_for("the timer undoes it", is_undone, 60)
    assert holds.wait() == -signal.SIGKILL
    assert same(before)


HOLDS = """
import time
from ansible_collections.podnet.fabric.plugins.module_utils.engine import lock
with lock.held("a run that hangs"):
    print("holds", flush=True)
    time.sleep(600)
"""


def test_the_code_of_before_brings_back_what_it_has_made(before):
    command = Path(COMMAND)
    now = command.read_bytes()
    # As a command of another version: its last bytes do not say that it is this one.
    then = now.replace(b" -I\n", b" -Is\n", 1)
    command.write_bytes(then)
    Play(another(), seconds=4).parts()
    assert command.read_bytes() == now
    wait_for("the timer undoes it", is_undone, 60)
    assert command.read_bytes() == then
    assert site(node("web-1")) == [f"change file {COMMAND}"]
    assert same(before)


def test_a_first_run_that_nobody_confirms_leaves_nothing():
    run("teardown")
    run("sysctls", state="restored")
    shutil.rmtree(STATE, ignore_errors=True)
    before = held()
    Play(node("web-1"), seconds=4).parts("node", "datapath", "peers", sysctls={MARTIANS: 1})
    wait_for("the timer undoes it", lambda: not STATE.exists() and timers() == "", 60)
    assert same(before)
    assert not Path(COMMAND).exists()
    assert not UNDONE.exists()


def test_a_teardown_takes_the_timer_along():
    Play(another()).parts("node", "datapath", "peers")
    assert "podnet-undo.timer" in timers()
    assert (
        run(
            "teardown",
        )["changes"][-1]
        == "remove pending change"
    )
    assert is_undone()
