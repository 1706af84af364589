# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make test`` leaves no part out, and no failure uncounted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.gates import run
from tests.gates.parts import APART, LONGEST_FIRST, PARTS, PATIENT, QUICK, WAITING, Gate, whole

SCENARIOS = sorted(Path(__file__).parent.parent.parent.glob("molecule/*/molecule.yml"))
TEST = "def test_{0}(): {1}\n"
SKIPPED = "import pytest\n@pytest.mark.skip\ndef test_it(): pass\n"


def test_every_part_runs_once():
    assert sorted([*LONGEST_FIRST, *APART]) == sorted(PARTS)
    assert {*APART} < {one for part in LONGEST_FIRST for one in whole(part)}
    assert {"unit", "lint", "packet"} < set(QUICK) < set(PARTS)
    assert {*WAITING, *PATIENT} < {*LONGEST_FIRST}


def test_scenarios_keep_the_lab_that_they_share_and_no_other():
    tests = {gate.command[-1]: gate.command for gate in PARTS["molecule"] if "test" in gate.command}
    own = [path.parent.name for path in SCENARIOS if "shared_state: false" in path.read_text()]
    assert own == ["lab"]
    assert [*tests] == ["--destroy=never", *own]


def test_parts_run_two_at_once_and_are_listed_in_the_order_of_all(monkeypatch, tmp_path):
    """Each of two waits for the other; a third one is there when one of them has ended."""
    meet = "from pathlib import Path; import sys, time\nPath(sys.argv[1]).touch()\n"
    meet += "while not Path(sys.argv[2]).exists(): time.sleep(0.01)"
    a, b = str(tmp_path / "a"), str(tmp_path / "b")

    def gate(*words):
        return (Gate(words[0], (sys.executable, "-c", meet, *words)),)

    monkeypatch.setattr(run, "BUILD", tmp_path)
    monkeypatch.setattr(
        run, "PARTS", {"first": gate(a, b), "third": gate(a, a), "other": gate(b, a)}
    )
    results = run.run_at_once(("other", "first", "third"))
    assert [(result.part, result.passed) for result in results] == [
        *(("first", 1), ("third", 1), ("other", 1)),
    ]


def test_who_waits_for_nobody_runs_beside_two_others_and_behind_them(monkeypatch, tmp_path):
    """Two parts wait for the third to end, which the two that are patient come before and after."""
    tell = "from pathlib import Path; import os, sys, time\n"
    tell += "while not all(Path(each).exists() for each in sys.argv[2:]): time.sleep(0.01)\n"
    tell += "Path(sys.argv[1]).write_text(str(os.nice(0)))"
    files = {name: str(tmp_path / name) for name in ("one", "two", "unit", "lint")}

    def gate(name, *after):
        words = (files[name], *(files[each] for each in after))
        return (Gate(name, (sys.executable, "-c", tell, *words)),)

    monkeypatch.setattr(run, "BUILD", tmp_path)
    parts = {"one": gate("one", "lint"), "two": gate("two", "lint")}
    parts |= {"unit": gate("unit"), "lint": gate("lint", "unit")}
    monkeypatch.setattr(run, "PARTS", parts)
    assert [result.passed for result in run.run_at_once(parts)] == [1] * 4
    nice = {name: int(Path(file).read_text()) for name, file in files.items()}
    usual = os.nice(0)
    assert nice == {"one": usual, "two": usual, "unit": run.LAST, "lint": run.LAST}


@pytest.mark.parametrize(
    ("source", "counts"),
    [
        (TEST.format("a", "pass") + TEST.format("b", "pass"), (2, 0)),
        (TEST.format("a", "pass") + TEST.format("b", "assert 0"), (1, 1)),
        (SKIPPED, (0, 1)),
        ("import nothing_of_that_name\n", (0, 1)),
        ("", (0, 1)),
    ],
)
def test_what_did_not_pass_has_failed(tmp_path, monkeypatch, source, counts):
    file = tmp_path / "test_sample.py"
    file.write_text(source)
    report = tmp_path / "report.xml"
    command = (sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", str(file))
    monkeypatch.setitem(PARTS, "sample", (Gate("sample", command, report=report),))
    with (tmp_path / "log").open("w") as log:
        (result,) = run.run_part("sample", log)
    assert (result.passed, result.failed) == counts


def test_a_command_counts_as_one_and_the_last_line_is_the_sum(tmp_path, monkeypatch):
    good, bad = Gate("good", ("true",)), Gate("bad", ("false",))
    absent = Gate("absent", ("no-such-command",))
    monkeypatch.setitem(PARTS, "sample", (good, bad, absent))
    with (tmp_path / "log").open("w") as log:
        results = run.run_part("sample", log)
    assert [(result.passed, result.failed) for result in results] == [(1, 0), (0, 1), (0, 1)]
    assert run.table(results).splitlines()[-1] == "1 passed, 2 failed"


def test_the_slowest_tests_of_all_gates_are_named(tmp_path, monkeypatch):
    file, report = tmp_path / "test_sample.py", tmp_path / "report.xml"
    command = (sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", str(file))
    file.write_text(
        "import time, pytest\n"
        "@pytest.fixture\ndef slow(): time.sleep(0.2)\n"
        "def test_slow(slow): pass\n"
        "@pytest.mark.parametrize('n', range(11))\ndef test_it(n): pass\n"
    )
    monkeypatch.setitem(PARTS, "sample", (Gate("sample", command, report=report),))
    with (tmp_path / "log").open("w") as log:
        shown = run.table(run.run_part("sample", log)).split("\n\n")[-2].splitlines()
    assert shown[0] == "The 10 slowest tests, in seconds"
    assert len(shown) == 11
    seconds, gate, name = shown[1].split()
    assert (gate, name) == ("sample:", "test_slow")
    assert float(seconds) >= 0.2


def test_what_failed_is_named_at_the_end_with_what_it_said(tmp_path, monkeypatch):
    file, report = tmp_path / "test_sample.py", tmp_path / "report.xml"
    command = (sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", str(file))
    file.write_text(TEST.format("a", "pass") + TEST.format("b", "assert 0, 'the bridge is down'"))
    gates = (Gate("sample", command, report=report), Gate("bad", ("false",)))
    monkeypatch.setitem(PARTS, "sample", gates)
    with (tmp_path / "log").open("w") as log:
        shown = run.table(run.run_part("sample", log)).split("\n\n")[-2].splitlines()
    assert shown[0] == "Not passed"
    assert [line.strip() for line in shown[1::2]] == ["sample: test_b", "bad"]
    assert "the bridge is down" in shown[2]
