# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Texts that stand for lists, as surveys, INI inventories and ``--extra-vars`` have them."""

from __future__ import annotations

import re
from typing import Any

from .service_files import documents

#: How lists in YAML or JSON begin, and mappings.
_LIST = ("[", "- ", "-\n", "---")
_MAPPING = re.compile(r"\{|[^\s,]+:(\s|$)", re.MULTILINE)
_BETWEEN = re.compile(r"[,\n]")


def stripped(value: Any) -> Any:
    """Return a text without the blanks and lines around it; all else as it is."""
    return value.strip() if isinstance(value, str) else value


def listed(value: Any, variable: str) -> Any:
    """Return the list that a text stands for; all else as it is, and the empty text, too.

    A text is a list in YAML or JSON, or its items with commas or lines between them. One mapping,
    or several documents, are a list of these.

    :raises Failure: for a text that begins as YAML and is none.
    """
    text = stripped(value)
    if not isinstance(text, str) or not text:
        return text
    if not text.startswith(_LIST) and not is_mapping(text):
        items = (item.strip() for item in _BETWEEN.split(text))
        return [item for item in items if item]
    found = documents(text, variable)
    return found[0] if len(found) == 1 and isinstance(found[0], list) else found


def is_mapping(value: Any) -> bool:
    """Say whether a text is a mapping in YAML or JSON, and no list."""
    text = stripped(value)
    return (
        isinstance(text, str)
        and not text.startswith(_LIST[:-1])
        and _MAPPING.match(text.removeprefix("---").lstrip()) is not None
    )
