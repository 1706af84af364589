# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a connectivity test came to: its scenarios, and of those that failed every action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cut import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Actions of a scenario that are shown, those that failed first.
ACTIONS = 40
#: By what became of a scenario: what it looks like.
_STATES = {"passed": "ok", "failed": "bad", "skipped": "unknown"}


def shown(tested: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return ``rows`` of scenarios, and how many of each state; None where nothing was tested.

    :param tested: each ``name``, ``state`` (``passed``, ``failed`` or ``skipped``), and where they
        are known ``seconds``, ``reason`` and ``actions``: each ``name``, ``ok``, ``command``,
        ``expected`` and ``seen``.
    """
    rows = [_row(one) for one in tested]
    if not rows:
        return None
    count = {word: sum(row["says"] == word for row in rows) for word in _STATES}
    return {"rows": rows, "count": count, "total": len(rows)}


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    actions = [
        {
            "ok": bool(each.get("ok")),
            **{word: str(each.get(word) or "") for word in ("name", "command", "expected", "seen")},
        }
        for each in one.get("actions") or ()
    ]
    return {
        "name": str(one["name"]),
        "says": str(one["state"]),
        "state": _STATES.get(str(one["state"]), "bad"),
        "seconds": one.get("seconds"),
        "reason": str(one.get("reason") or ""),
        "failed": sum(not each["ok"] for each in actions),
        "actions": cut(sorted(actions, key=lambda each: each["ok"]), ACTIONS),
    }
