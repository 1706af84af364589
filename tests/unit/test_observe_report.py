# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What several nodes have seen: lines of time, and of nodes that saw less than all."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.filter.observe_report import observe_report

QUIET = {"flows": [], "lost": 0, "complete": True}
NOTHING = "Nothing that was asked for passed."
SILENT = "it did not answer, or could not look"


@pytest.mark.parametrize(
    ("results", "silent", "said"),
    [
        ({"n1": QUIET, "n2": QUIET}, [], [NOTHING]),
        ({"n1": QUIET}, ["n2"], [NOTHING, f"n2: {SILENT}"]),
        ({"n1": QUIET, "n2": {"msg": "No."}}, [], [NOTHING, "n2: No."]),
        ({"n1": {"msg": "No."}}, ["n2"], ["n1: No.", f"n2: {SILENT}"]),
        ({}, ["n2"], [f"n2: {SILENT}"]),
        (
            {"n1": {**QUIET, "lost": 1, "complete": False}},
            [],
            [
                NOTHING,
                "n1: 1 packet was not seen: they came faster than they are read. Ask for less.",
                "n1: it ended with 0 lines, before the time was over.",
            ],
        ),
    ],
)
def test_who_saw_nothing_and_who_did_not_look_are_told_apart(results, silent, said):
    assert observe_report(results, silent) == said
