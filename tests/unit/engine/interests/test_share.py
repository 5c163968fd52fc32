from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.interests.read import share_out
from engine.interests.search import search_words


def row(interest: str, source: str, value: float, updated_at: int = 0) -> dict[str, object]:
    return {
        "id": interest,
        "kind": "category",
        "name": interest.upper(),
        "source": source,
        "value": value,
        "updated_at": updated_at,
    }


def test_behaviour_and_declared_share_one_whole() -> None:
    found = share_out(
        [row("a", "behaviour", 3.0, 7), row("b", "declared", 2.0), row("a", "declared", 3.0, 5), row("c", "model", 9.0)]
    )
    assert [(interest.id, interest.share) for interest in found] == [("a", 0.75), ("b", 0.25), ("c", 0.0)]
    assert (found[0].behaviour, found[0].declared, found[0].updated_at) == (3.0, 3.0, 7)
    assert (found[0].kind, found[0].name, found[2].model) == ("category", "A", 9.0)


def test_no_mass_gives_no_shares() -> None:
    assert share_out([]) == ()
    assert [interest.share for interest in share_out([row("a", "behaviour", 0.0)])] == [0.0]


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(1e-6, 1e6), min_size=1))
def test_shares_sum_to_one(values: dict[str, float]) -> None:
    found = share_out(row(name, "behaviour", value) for name, value in values.items())
    assert sum(interest.share for interest in found) == pytest.approx(1.0)
    assert [interest.share for interest in found] == sorted((interest.share for interest in found), reverse=True)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("Oat milk", '"oat" OR "milk"'),
        ("milk MILK", '"milk"'),
        ('a"b AND (c* OR d~) -e [f TO g] \\', '"a" OR "b" OR "and" OR "c" OR "or" OR "d" OR "e" OR "f" OR "to" OR "g"'),
        ("?!*", ""),
    ],
)
def test_search_words_are_quoted(query: str, words: str) -> None:
    assert search_words(query) == words
