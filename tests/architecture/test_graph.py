"""docs/architecture.md shows the imports as they are."""

from __future__ import annotations

from scripts.draw_imports import PAGE, direct, imported_rooms, with_drawing


def test_the_page_shows_the_imports_as_they_are() -> None:
    """``make graph`` draws them."""
    page = PAGE.read_text(encoding="utf-8")
    assert with_drawing(page) == page, "run make graph"


def test_every_room_is_drawn() -> None:
    drawn = {name for edge in direct(imported_rooms()) for name in edge}
    assert drawn == set(imported_rooms())


def test_arrows_that_a_longer_way_implies_are_left_out() -> None:
    edges = {"a": {"b", "c", "d"}, "b": {"c"}, "c": set[str](), "d": set[str]()}
    assert direct(edges) == [("a", "b"), ("a", "d"), ("b", "c")]
