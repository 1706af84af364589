"""Make the checkout importable as the collection that it is; leave the user's settings out.

The time zone, the folder for temporary files and the home stay as they are: tests pass with any.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from .scope import WHOLE

# They assert for others.
pytest.register_assert_rewrite("tests.cluster.predictions", "tests.cluster.probes")
pytest.register_assert_rewrite("tests.services.chance", "tests.services.clients")
pytest.register_assert_rewrite("tests.services.talks")

HERE = Path(__file__).parent
COLLECTIONS = str(HERE.parent / ".build" / "collections")
sys.path.insert(0, COLLECTIONS)

# What Ansible, Python, terminal and language are told on this machine is not what is tested.
for name in list(os.environ):
    if name.startswith(("ANSIBLE_", "LC_")) or name in ("LANG", "LANGUAGE", "COLUMNS", "LINES"):
        del os.environ[name]
os.environ |= {
    "LC_ALL": "C.UTF-8",
    "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
    "ANSIBLE_PIPELINING": "1",
}
os.umask(0o022)


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark of tests that ``make test`` leaves to ``make test-PART``."""
    config.addinivalue_line("markers", "whole: by make test-PART alone, see tests/scope.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave them out, and have pytest count them."""
    left_out = [] if WHOLE else [item for item in items if item.get_closest_marker("whole")]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


# What a shell starts in the background ignores SIGINT and hands that down to all it starts; there
# are tests that interrupt what they started.
signal.signal(signal.SIGINT, signal.default_int_handler)
