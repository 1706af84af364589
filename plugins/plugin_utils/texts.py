# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Data as the text of a file that people read."""

from __future__ import annotations

import json
from typing import Any

import yaml

WIDTH = 120


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes lists further in than their key, and texts of many lines as they are."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002, FBT
        return super().increase_indent(flow, indentless=False)

    def represent_str(self, data: str) -> Any:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """What stands in two places is written twice."""
        return True


_Dumper.add_representer(str, _Dumper.represent_str)


def as_yaml(data: Any) -> str:
    """Return a document of YAML, keys in their order."""
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True)
    return f"---\n{text}"


def as_json(data: Any) -> str:
    """Return a document of JSON, keys in their order."""
    return json.dumps(data, indent=2) + "\n"
