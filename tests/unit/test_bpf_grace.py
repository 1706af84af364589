"""The machine's switch of grace periods is left as it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import grace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("found", "changes", "meanwhile"),
    [("0", grace.MANY, "1"), ("0", grace.MANY - 1, "0"), ("1", grace.MANY, "1")],
)
def test_it_is_on_for_many_changes_and_then_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str, changes: int, meanwhile: str
) -> None:
    switch = tmp_path / "rcu_expedited"
    switch.write_text(found)
    monkeypatch.setattr(grace, "SWITCH", str(switch))

    def attach() -> None:
        with grace.expedited(changes):
            assert switch.read_text() == meanwhile
            raise KeyError

    with pytest.raises(KeyError):
        attach()
    assert switch.read_text() == found


def test_a_switch_that_cannot_be_written_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grace, "SWITCH", str(tmp_path / "none" / "rcu_expedited"))
    with grace.expedited(grace.MANY):
        done = True
    assert done
