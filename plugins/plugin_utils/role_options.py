# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the argument specs of the roles say of each variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .service_files import documents

#: The collection, as it is installed.
COLLECTION = Path(__file__).parents[2]


def documented() -> dict[str, dict[str, Any]]:
    """Return each variable's option, by its name; roles that share one describe it alike."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(COLLECTION.glob("roles/*/meta/argument_specs.yml")):
        (specs,) = documents(path.read_text(), str(path))
        for spec in specs["argument_specs"].values():
            for name, option in spec["options"].items():
                found.setdefault(name, option)
    return found
