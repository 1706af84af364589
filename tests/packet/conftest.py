"""What tests of packets share: one node, and what they set up on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import node as nodes
from .drops import Drops
from .live import network
from .masquerade import Masquerade
from .policies import Policies
from .services import Services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .live import Live
    from .node import Node


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """Build the node, once for all packets."""
    with nodes.built() as one:
        yield one


@pytest.fixture(scope="module")
def live(node: Node) -> Iterator[Live]:
    """Pods, and the network."""
    with network(node) as names:
        yield names


@pytest.fixture
def services(node: Node) -> Iterator[Services]:
    """A node with no services yet."""
    one = Services(node)
    one.reset()
    yield one
    one.reset()


@pytest.fixture
def masquerade(node: Node) -> Iterator[Masquerade]:
    """A node that masquerades on eth0, without any flow or call yet."""
    one = Masquerade(node, Services(node))
    one.reset()
    yield one
    one.clear()


@pytest.fixture
def policies(node: Node, masquerade: Masquerade) -> Iterator[Policies]:
    """A node that masquerades, and whose pods no policy selects yet."""
    assert masquerade.node is node
    one = Policies(node)
    one.reset()
    yield one
    one.reset()


@pytest.fixture
def drops(node: Node) -> Drops:
    """A node whose recorder has nothing yet."""
    one = Drops(node)
    one.reset()
    return one
