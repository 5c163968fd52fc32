from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.interests.inferred import InferredInterest, parts_of
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
    found = share_out([row("a", "behaviour", 3.0, 7), row("b", "declared", 2.0), row("a", "declared", 3.0, 5)])
    assert [(interest.id, interest.share) for interest in found] == [("a", 0.75), ("b", 0.25)]
    assert (found[0].behaviour, found[0].declared, found[0].updated_at) == (3.0, 3.0, 7)
    assert (found[0].kind, found[0].name) == ("category", "A")


def test_the_guess_of_the_model_counts_as_much_as_its_mass() -> None:
    guess = [InferredInterest("a", "brand", "Ay", 0.25), InferredInterest("c", "brand", "Cee", 0.75)]
    found = share_out([row("a", "behaviour", 2.0), row("b", "declared", 1.0)], guess, model_mass=2.0)
    assert {interest.id: interest.share for interest in found} == {"a": 0.5, "c": 0.3, "b": 0.2}
    assert {interest.id: interest.model for interest in found} == {"a": 0.25, "c": 0.75, "b": 0.0}
    assert [(interest.kind, interest.name) for interest in found] == [
        ("category", "A"), ("brand", "Cee"), ("category", "B"),
    ]  # fmt: skip
    alone = share_out([], guess, model_mass=2.0)
    assert {interest.id: interest.share for interest in alone} == {"a": 0.25, "c": 0.75}


@pytest.mark.parametrize(
    ("scores", "parts"),
    [([], []), ([0.9, 0.7, 0.5], [2 / 3, 1 / 3, 0.0]), ([0.4], [1.0]), ([0.5, 0.5], [0.5, 0.5])],
)
def test_parts_of_similarities(scores: list[float], parts: list[float]) -> None:
    assert parts_of(scores) == pytest.approx(parts)


def test_no_mass_gives_no_shares() -> None:
    assert share_out([]) == ()
    assert [interest.share for interest in share_out([row("a", "behaviour", 0.0)])] == [0.0]


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(-10, 1e6), min_size=1),
    st.dictionaries(st.sampled_from("abcdefgh"), st.floats(1e-6, 1.0)),
    st.floats(1e-6, 100),
)
def test_shares_sum_to_one(values: dict[str, float], guessed: dict[str, float], model_mass: float) -> None:
    total = sum(guessed.values())
    guess = [InferredInterest(name, None, name, part / total) for name, part in guessed.items()]
    found = share_out((row(name, "behaviour", value) for name, value in values.items()), guess, model_mass=model_mass)
    known = bool(guess) or max(values.values()) > 0
    assert sum(interest.share for interest in found) == pytest.approx(1.0 if known else 0.0)
    assert all(interest.share >= 0 for interest in found)
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
