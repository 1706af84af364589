# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lets pyroute2's sockets and messages be imported without all that the package has beside them.

Its own beginning imports databases, asyncio and unittest.mock: half of the time that its import
takes, in every task of every node. Import this before any part of pyroute2.
"""

from __future__ import annotations

import importlib.util
import sys

if "pyroute2" not in sys.modules and (_found := importlib.util.find_spec("pyroute2")):
    sys.modules["pyroute2"] = importlib.util.module_from_spec(_found)
    try:
        importlib.import_module("pyroute2.iproute")
    except ImportError:  # it is broken, which runner.require() is to find
        del sys.modules["pyroute2"]
