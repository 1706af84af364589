# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stands in for the script by which ansible-test gets pip, a dozen times: the wheel beside it does.

A wheel of pure Python is installed where it is unpacked. ``ensurepip`` and an upgrade by that pip
take six seconds of a processor for each.
"""

from __future__ import annotations

import sysconfig
import zipfile
from pathlib import Path

(wheel,) = Path(__file__).parent.glob("pip-*.whl")
with zipfile.ZipFile(wheel) as packed:
    packed.extractall(sysconfig.get_path("purelib"))
