"""Topics: planted clusters come back, names by hand, and earlier topics stay."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.interests.topics import cluster, keep_topics, name_topics, strongest_words, topic_count


def planted() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    centres = np.eye(8, dtype=np.float32)[:5]
    groups = generator.integers(0, 5, 300)
    noise = generator.normal(0, 0.05, (300, 8)).astype(np.float32)
    return centres[groups] + noise, groups


def test_planted_clusters_come_back() -> None:
    vectors, groups = planted()
    labels = cluster(vectors, 5, seed=7, rounds=50)
    pairs = set(zip(groups.tolist(), labels.tolist(), strict=True))
    assert len(pairs) == len(set(groups.tolist())) == len(set(labels.tolist()))


def test_the_same_seed_gives_the_same_clusters() -> None:
    vectors, _ = planted()
    first, again = (cluster(vectors, 9, seed=11, rounds=50) for _ in range(2))
    assert first.tolist() == again.tolist()


def test_equal_vectors_are_one_cluster() -> None:
    assert set(cluster(np.ones((5, 3), dtype=np.float32), 4, seed=1, rounds=5).tolist()) == {0}


def test_how_many_topics() -> None:
    assert topic_count(5_000, number=None, most=200) == 50
    assert topic_count(1_000_000, number=None, most=200) == 200
    assert topic_count(3, number=10, most=200) == 3
    assert topic_count(1, number=None, most=200) == 1


def test_words_by_hand() -> None:
    labels = np.array([0, 0, 1])
    found = strongest_words(["Milk, fresh", "milk 2 gallon", "fresh bread"], labels)
    # Six words in two clusters: A = 3. Cluster 0 has four: milk twice of 2, fresh once of 2, gallon once of 1.
    score = {"milk": 2 / 4 * math.log(2.5), "gallon": 1 / 4 * math.log(4), "fresh": 1 / 4 * math.log(2.5)}
    assert found[0] == sorted(score, key=lambda word: -score[word]) == ["milk", "gallon", "fresh"]
    assert found[1] == ["bread", "fresh"]


def test_no_two_names_are_the_same() -> None:
    names = name_topics({0: ["milk", "fresh"], 1: ["milk", "sour"], 2: ["milk"], 3: []}, length=1)
    assert names == {0: "milk", 1: "milk, sour", 2: "milk (3)", 3: "topic (4)"}
    assert name_topics({0: ["milk"], 1: ["tea"]}, length=1, taken={1: "milk"}) == {0: "milk (1)", 1: "milk"}


@pytest.mark.parametrize(("shared", "stays"), [(3, True), (1, False)])
def test_a_topic_stays_with_at_least_half_of_its_items(shared: int, stays: bool) -> None:
    labels = np.array([0, 0, 0, 1])
    before = ["topic:x" if place < shared else None for place in range(4)]
    assert keep_topics(labels, before) == ({0: "topic:x"} if stays else {})
