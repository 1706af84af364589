# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``restore``: what events of the host's network run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..restoration.restore import restore

if TYPE_CHECKING:
    import argparse


def run(_options: argparse.Namespace) -> int:
    """Do it; return the exit status."""
    return restore()
