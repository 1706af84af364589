# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make test`` leaves no part out, and no failure uncounted."""

from __future__ import annotations

import sys

import pytest

from tests.gates import run
from tests.gates.parts import PARTS, STAGES, Gate

TEST = "def test_{0}(): {1}\n"
SKIPPED = "import pytest\n@pytest.mark.skip\ndef test_it(): pass\n"


def test_every_part_runs_once():
    staged = [part for stage in STAGES for row in stage for part in row]
    assert sorted(staged) == sorted(PARTS)


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
