"""Make the checkout importable as the collection that it is; be interruptible."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

# They assert for others.
pytest.register_assert_rewrite("tests.cluster.predictions", "tests.cluster.probes")
pytest.register_assert_rewrite("tests.services.chance", "tests.services.clients")
pytest.register_assert_rewrite("tests.services.talks")

sys.path.insert(0, str(Path(__file__).parent.parent / ".build" / "collections"))

# What a shell starts in the background ignores SIGINT and hands that down to all it starts; there
# are tests that interrupt what they started.
signal.signal(signal.SIGINT, signal.default_int_handler)
