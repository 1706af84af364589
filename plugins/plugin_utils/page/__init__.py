# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Draws the page about clusters: template, style and script in one file that needs no other.

All that is shown is escaped. The page allows itself nothing but its own style and script, by what
they hash to: what somebody smuggles into it is neither run nor fetched.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath "
    "d='M3 8h10M8 3v10' stroke='%23287a86' stroke-width='1.5'/%3E%3Cg fill='%23287a86'%3E"
    "%3Ccircle cx='8' cy='8' r='2.6'/%3E%3Ccircle cx='3' cy='8' r='2'/%3E%3Ccircle cx='13' cy='8' "
    "r='2'/%3E%3Ccircle cx='8' cy='3' r='2'/%3E%3Ccircle cx='8' cy='13' r='2'/%3E%3C/g%3E%3C/svg%3E"
)


def render(found: Mapping[str, Any]) -> str:
    """Return the page as HTML.

    :param found: what ``reports.page.build`` returned.
    """
    style, script = (HERE.joinpath(name).read_text() for name in ("page.css", "page.js"))
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return environment.get_template("page.html.j2").render(
        page=found,
        policy=policy,
        icon=ICON,
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
    )


def number(value: object) -> str:
    """Return a number with its thousands apart, ``-`` where there is none."""
    return "-" if value is None else f"{value:,}".replace(",", "\u202f")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
