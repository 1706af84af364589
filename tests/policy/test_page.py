# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page says of every pair of pods what becomes of their packets; it shows services, too."""

from __future__ import annotations

import html
import json
import re

import pytest

from .model import ADDRESSES, LATER
from .probing import endpoint, packets
from .scope import RUNS
from .test_paths import POLICIES
from .vpc import NODE_PORT, SERVER

PODS = [name for name in ADDRESSES if name not in LATER]
CELL = re.compile(r'<td class="(\w+)" title="([^"]*)">')


@pytest.fixture
def paths(standing):
    """The cluster with the policies of the paths, by a run where it had others."""
    if standing.brought != POLICIES:
        standing.site(POLICIES)
    return standing


def lets(words, packet):
    """Say whether a cell's words mean a packet."""
    if words in ("all", "nothing"):
        return words == "all"
    for word in words.split(", "):
        name, _space, some = word.partition(" ")
        first, _dash, last = some.partition("-")
        ports = range(int(first), int(last or first) + 1) if some else range(1 << 16)
        if name == packet.protocol and packet.port in ports:
            return True
    return False


@pytest.mark.parametrize("cell", RUNS, ids=str)
def test_the_page_says_what_becomes_of_packets(paths, tmp_path):
    passed = paths.prober.round(PODS).passed
    file = tmp_path / "page.html"
    paths.cluster.play("status", "-e", json.dumps({"podnet_report_page": str(file)})).ok()
    text = file.read_text()
    said = {}
    for state, title in CELL.findall(text[text.index("<h2>Policies</h2>") :]):
        source, _to, rest = html.unescape(title).partition(" to ")
        destination, _colon, ports = rest.rpartition(": ")
        said[source, destination] = "all" if state == "itself" else ports
    names = {name: f"{name[0]} {{pod={name[2]}}}" for name in PODS}
    shown = {
        packet
        for packet in packets(PODS)
        if lets(said[names[packet.source], names[packet.destination]], packet)
    }
    assert sorted(shown - passed) == [], "wrongly shown to pass"
    assert sorted(passed - shown) == [], "wrongly shown to be kept out"
    # The service's backend by its name, at every address of it.
    services = text[text.index("<h2>Services</h2>") : text.index("<h2>Policies</h2>")]
    assert f">{endpoint('x/a')}</span>" in services
    assert SERVER in services
    assert f":{NODE_PORT}" in services
