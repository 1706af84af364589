"""Namespaces of the test's own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest
from running import do

# Some tests ask for its fixtures, others import its functions: either may come first.
pytest.register_assert_rewrite("node_support")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_collection_finish() -> None:
    """No test imports what belongs to the controller: modules run in forks of this process."""
    controllers = sorted({"ansible._internal", "ansible.errors"} & sys.modules.keys())
    assert controllers == [], "modules would hand their warnings to a controller in these forks"


@pytest.fixture
def make_netns() -> Iterator[Callable[[], str]]:
    """Make namespaces of unique names, which go away after the test."""
    made: list[str] = []

    def make() -> str:
        name = f"pt-{uuid.uuid4().hex[:10]}"
        do("ip", "netns", "add", name)
        do("ip", "-n", name, "link", "set", "lo", "up")
        made.append(name)
        return name

    yield make
    for name in made:
        with contextlib.suppress(subprocess.CalledProcessError):
            do("ip", "netns", "del", name)


@pytest.fixture
def netns(make_netns: Callable[[], str]) -> str:
    """One namespace."""
    return make_netns()
