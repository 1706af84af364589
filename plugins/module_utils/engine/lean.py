# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""pyroute2's sockets and messages without all that the package has beside them.

Its own beginning imports databases; its ``lab``, which puts mocks in the place of sockets for its
own tests, imports asyncio and unittest.mock: two thirds of the time that its import takes, in every
task of every node. Its ``config`` starts two programs, ``uname`` and ``file``, to learn the name of
the processor and what Python knows. This comes before any other part of pyroute2.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from collections import namedtuple
from types import ModuleType

if "pyroute2" not in sys.modules and (_found := importlib.util.find_spec("pyroute2")):
    sys.modules["pyroute2"] = importlib.util.module_from_spec(_found)
    _lab = sys.modules["pyroute2.lab"] = ModuleType("pyroute2.lab")
    vars(_lab)["LAB_API"] = type("LAB_API", (), {})

_Uname = namedtuple("_Uname", "system node release version machine")
_BITS = "64bit" if sys.maxsize > 2**32 else "32bit"
_asked = platform.uname, platform.architecture
vars(platform).update(uname=lambda: _Uname(*os.uname()), architecture=lambda **_: (_BITS, ""))
try:
    from pyroute2.iproute import IPRoute
    from pyroute2.netlink import nlmsgerr
    from pyroute2.netlink.exceptions import NetlinkDumpInterrupted, NetlinkError
except ImportError:  # runner.require() says so before anything here is called
    sys.modules.pop("pyroute2", None)
    IPRoute = nlmsgerr = None
    NetlinkDumpInterrupted = NetlinkError = OSError
finally:
    platform.uname, platform.architecture = _asked

__all__ = ["IPRoute", "NetlinkDumpInterrupted", "NetlinkError", "nlmsgerr"]
