"""The rest of the short benchmark."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.tests.bench import (
    masquerade,
    observers,
    podnet_programs,
    policies,
    policy_times,
    programs,
    ratios,
)
from test_bench_short import short

pytestmark = pytest.mark.whole
SECTIONS = ("masquerade", "policies", "observe")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a short run of these sections found; it prints them, too."""
    printed, results = short(tmp_path_factory.mktemp("bench"), "--only", *SECTIONS)
    assert "A pod to a host outside, masqueraded" in printed, printed
    assert "1,000 policies over 10,000 pods" in printed, printed
    return results


def test_every_way_to_masquerade_has_a_ratio_and_podnet_is_compared_with_the_others(
    found: dict[str, Any],
) -> None:
    section = found["masquerade"]
    yardsticks = [one.name for one in masquerade.MEASURED]
    assert [(one["yardstick"], one["datapath"]) for one in section["ratios"]] == [
        (name, way) for name in yardsticks for way in masquerade.WAYS
    ]
    pairs = [(own, than) for own in masquerade.OWN for than in masquerade.KERNEL]
    assert [(one["datapath"], one["than"], one["yardstick"]) for one in section["faster"]] == [
        (*pair, name) for pair in pairs for name in yardsticks
    ]
    for one in [*section["ratios"], *section["faster"]]:
        assert 0.2 < one["ratio"] < 20, one
        assert one["low"] <= one["ratio"] <= one["high"], one


def test_programs_that_masquerade_are_timed_beside_an_empty_one(found: dict[str, Any]) -> None:
    by_name = {one["name"]: one for one in found["programs"]}
    # It does no more than the empty program, and in a short run may be found to take less.
    assert by_name["to_netdev, done with elsewhere"]["ns"] > 0
    for name in (
        "to_netdev, the node's own",
        "to_netdev, masqueraded flow",
        "to_netdev, new masqueraded flow",
        "from_netdev, its answer",
        "from_netdev, for the node",
        "from_netdev, to a pod by its own address",
        "from_netdev, the same by UDP",
        "from_netdev, the same by UDP, new flow",
    ):
        assert by_name[name]["ns"] > by_name[programs.EMPTY]["ns"] > 0, by_name
    assert "insert into nat" in {one["name"] for one in found["units"]}
    for one in found["programs"]:
        # What packets are handed over to is not compiled once more; the last makes no call at all.
        alone = (programs.EMPTY, podnet_programs.JUDGED.format(""))
        is_alone = one["name"].startswith(alone) or one["name"].endswith("elsewhere")
        assert (one["over_units"] is None) == is_alone, one


def test_every_way_of_policies_has_a_ratio_with_few_rules_and_with_more(
    found: dict[str, Any],
) -> None:
    section = found["policies"]
    ways = [(name, 0) for name in policies.NONE]
    ways += [(name, size) for name in policies.OF_RULES for size in policies.FEW]
    assert [(one["yardstick"], one["datapath"], one["rules"]) for one in section["ratios"]] == [
        (yardstick.name, *way) for yardstick in ratios.YARDSTICKS for way in ways
    ]
    for one in section["ratios"]:
        assert 0.2 < one["ratio"] < 20, one
        assert one["low"] <= one["ratio"] <= one["high"], one
    applied = section["applied"]
    assert (applied["policies"], applied["pods"]) == (policy_times.POLICIES, policy_times.PODS)
    for key in ("plan", "full", "again", "change", "kernel"):
        assert applied[key] > 0, applied
    assert applied["entries"] > policy_times.NODE_PODS, applied


def test_every_way_to_look_at_packets_has_a_ratio_and_a_programs_time(
    found: dict[str, Any],
) -> None:
    section = found["observe"]
    assert [(one["yardstick"], one["look"]) for one in section["ratios"]] == [
        (yardstick.name, look) for yardstick in ratios.YARDSTICKS for look in observers.LOOKS
    ]
    for one in section["ratios"]:
        assert 0.2 < one["ratio"] < 20, one
        assert one["low"] <= one["ratio"] <= one["high"], one
    looks = [look for look, wanted in observers.LOOKS.items() if wanted]
    names = [programs.EMPTY, observers.WITHOUT, observers.NOBODY, *observers.COUNTING, *looks]
    assert sorted(one["name"] for one in section["programs"]) == sorted(names)
