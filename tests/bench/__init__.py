"""The benchmarks: ``python -m tests.bench``. See docs/benchmarks.md."""

from __future__ import annotations

import sys
from pathlib import Path

#: The checkout, and where everything that the benchmarks make is written.
CHECKOUT = Path(__file__).parent.parent.parent
BUILD = CHECKOUT / ".build" / "bench"

sys.path.insert(0, str(CHECKOUT / ".build" / "collections"))
