# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""docs/journeys.md says what the labs show, before services and masquerading come to them."""

from __future__ import annotations

from .cells import CELLS
from .journeys import made, of_page, section


def test_the_page_says_how_packets_pass_this_cell(running):
    assert section(running.cluster, running.cell) == of_page(running.cell)


def test_the_page_says_how_packets_pass_the_first_cell():
    assert made(CELLS[0]) == of_page(CELLS[0])
