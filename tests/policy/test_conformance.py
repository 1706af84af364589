# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every case with packets: each pair of pods by each protocol and port, against the evaluator."""

from __future__ import annotations

import pytest

from .cases import CASES
from .scope import CLASSIC, NATIVE, OVERLAY, WHOLE

#: Of each kind of rule and change some: what is looked up differs, and no path differs by more.
CHOSEN = {
    "action/labels of a namespace there and back",
    "action/labels of a pod there and back",
    "action/pod made and deleted",
    "action/policy changed there and back",
    "example/a server that asks another",
    "kubernetes/SCTP: one pod of another namespace",
    "kubernetes/UDP: a port",
    "kubernetes/a block has what another one leaves out",
    "kubernetes/default deny all",
    "kubernetes/ingress and egress by themselves",
    "kubernetes/ingress and egress together",
    "kubernetes/policies on top of each other",
    "kubernetes/everything allowed",
    "namespace/by names",
    "peers/egress block but",
    "peers/egress pods of namespaces",
    "peers/ingress block but",
    "peers/ingress pods here or namespaces",
    "ports/egress 80 TCP or serve-81-udp UDP",
    "ports/egress 79 TCP 82",
    "ports/ingress 79 TCP 80 or 81 SCTP",
    "ports/ingress serve-81-tcp TCP",
}
SOME = [case for case in CASES if str(case) in CHOSEN]


def test_the_chosen_cases_are_there():
    assert {str(case) for case in SOME} == CHOSEN


@pytest.mark.parametrize("cell", [NATIVE], ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_by_native_routing(case, standing):
    standing.holds(*case.steps)


@pytest.mark.parametrize("cell", [OVERLAY], ids=str)
@pytest.mark.parametrize("case", CASES if WHOLE else SOME, ids=str)
def test_a_case_in_the_overlay(case, standing):
    standing.holds(*case.steps)


@pytest.mark.parametrize("cell", CLASSIC, ids=str)
@pytest.mark.parametrize("case", SOME, ids=str)
def test_a_case_in_a_classic_cell(case, standing):
    standing.holds(*case.steps)
