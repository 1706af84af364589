# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much is run: all there is by ``make test-PART``, a choice of it by ``make test``.

A test that is marked ``whole`` is run by the former alone.
"""

from __future__ import annotations

import os

WHOLE = os.environ.get("TESTS_SCOPE") == "whole"
