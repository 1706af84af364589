# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names that the host's iproute2 gives to numbers of the kernel, such as those of tables."""

from __future__ import annotations

import re
from pathlib import Path

#: Where its files are, the distribution's before the administrator's, who overrides.
FOLDERS = ("/usr/lib/iproute2", "/usr/share/iproute2", "/etc/iproute2")

_LINE = re.compile(r"\s*(0[xX][0-9a-fA-F]+|[0-9]+)\s+([^\s#]+)")


def names(file: str) -> dict[str, int]:
    """Return the numbers that a file (``rt_tables``, ``rt_protos``) and its folder ``.d`` name."""
    found: dict[str, int] = {}
    for folder in map(Path, FOLDERS):
        for path in (folder / file, *sorted((folder / f"{file}.d").glob("*.conf"))):
            if not path.is_file():
                continue
            for line in path.read_text(errors="replace").splitlines():
                entry = _LINE.match(line)
                if entry:
                    number = entry[1]
                    found[entry[2]] = int(number, 16 if number[:2] in ("0x", "0X") else 10)
    return found
