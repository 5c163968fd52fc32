"""Topics: clusters of the vectors of what items say, named by their strongest words.

Clusters: k-means on the unit sphere (Dhillon and Modha 2001), begun by k-means++ (Arthur and Vassilvitskii 2007).
Names: the words with the highest class-based TF-IDF (Grootendorst 2022, BERTopic),

    score(word, c) = tf(word, c) / |c| · ln(1 + A / f(word))

with tf(word, c) the times that a word stands in the texts of cluster c, |c| the words of the cluster, f(word) the times
that the word stands in all texts, and A the words of a cluster on average.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

KIND: Final = "topic"
_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_BLOCK: Final = 8_192
_LEAST_OVERLAP: Final = 0.5


def topic_count(items: int, *, number: int | None, most: int) -> int:
    """Give how many topics so many items have: the number given, else √(items / 2), at most as many as items.

    Args:
        items: Items with a text.
        number: The number that is wanted; none takes the root.
        most: Most topics where no number is given.
    """
    wanted = number if number is not None else min(most, round((items / 2) ** 0.5))
    return max(1, min(wanted, items))


def cluster(vectors: Matrix, number: int, *, seed: int, rounds: int) -> Labels:
    """Give the cluster of each vector.

    Args:
        vectors: Vectors [N, dim]; the same ones in the same order give the same clusters.
        number: How many clusters, 1 to N; fewer come out where vectors are equal.
        seed: Seed of the first centres.
        rounds: Most rounds.

    Returns:
        Number of the cluster, [N].
    """
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    centres = _first_centres(units, number, np.random.default_rng(seed))
    labels = np.full(len(units), -1, dtype=np.int64)
    for _ in range(rounds):
        nearest, cosine = _nearest(units, centres)
        if np.array_equal(nearest, labels):
            break
        labels = nearest
        sums = np.zeros(centres.shape, dtype=np.float64)
        np.add.at(sums, labels, units)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        # A centre that nobody is nearest to goes to those who are farthest from theirs.
        empty = np.flatnonzero(norms[:, 0] < 1e-9)
        sums[empty] = units[np.argsort(cosine, kind="stable")[: len(empty)]]
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = (sums / np.maximum(norms, 1e-12)).astype(np.float32)
    return labels


def words_of(text: str) -> list[str]:
    """Give the words of a text in small letters: at least three letters each, no figures."""
    return _WORD.findall(text.casefold())


def strongest_words(texts: Sequence[str], labels: Labels) -> dict[int, list[str]]:
    """Give the words of each cluster by class-based TF-IDF, strongest first; equal ones in the order of the alphabet.

    Args:
        texts: Text of each item.
        labels: Cluster of each item; those below 0 are in none.
    """
    counts: dict[int, Counter[str]] = {}
    for text, label in zip(texts, labels.tolist(), strict=True):
        if label >= 0:
            counts.setdefault(label, Counter()).update(words_of(text))
    everywhere: Counter[str] = Counter()
    for counted in counts.values():
        everywhere.update(counted)
    average = everywhere.total() / max(len(counts), 1)
    found = {}
    for label, counted in sorted(counts.items()):
        size = max(counted.total(), 1)
        score = {word: times / size * np.log1p(average / everywhere[word]) for word, times in counted.items()}
        found[label] = sorted(score, key=lambda word, score=score: (-score[word], word))  # type: ignore[misc]
    return found


def name_topics(
    words: Mapping[int, Sequence[str]], *, length: int, taken: Mapping[int, str] | None = None
) -> dict[int, str]:
    """Give each cluster a name of its strongest words, and no two the same.

    Args:
        words: Words of each cluster, strongest first.
        length: Words of a name; more where another topic has the same.
        taken: Names of clusters that have one already; they keep it.
    """
    names = dict(taken or {})
    used = set(names.values())
    for label, found in sorted(words.items()):
        if label in names:
            continue
        size = min(length, len(found))
        name = ", ".join(found[:size])
        while name in used and size < len(found):
            size += 1
            name = ", ".join(found[:size])
        if not name or name in used:
            name = f"{name or 'topic'} ({label + 1})"
        names[label] = name
        used.add(name)
    return names


def keep_topics(labels: Labels, before: Sequence[str | None]) -> dict[int, str]:
    """Say which clusters are topics that were there before.

    A cluster is an earlier topic where the two share at least half of the items of both together (Jaccard); each topic
    is one cluster at most, the pairs that share most first.

    Args:
        labels: Cluster of each item; those below 0 are in none.
        before: Topic that each item had; none where it had none.
    """
    sizes = Counter(label for label in labels.tolist() if label >= 0)
    earlier = Counter(topic for topic in before if topic is not None)
    shared = Counter(
        (label, topic) for label, topic in zip(labels.tolist(), before, strict=True) if label >= 0 and topic is not None
    )
    kept: dict[int, str] = {}
    for (label, topic), both in sorted(shared.items(), key=lambda entry: (-entry[1], entry[0])):
        overlap = both / (sizes[label] + earlier[topic] - both)
        if overlap >= _LEAST_OVERLAP and label not in kept and topic not in kept.values():
            kept[label] = topic
    return kept


def _first_centres(units: Matrix, number: int, generator: np.random.Generator) -> Matrix:
    chosen = [int(generator.integers(len(units)))]
    distance = np.maximum(1.0 - units @ units[chosen[0]], 0.0).astype(np.float64)
    while len(chosen) < number:
        total = distance.sum()
        if total <= 1e-9:
            break
        chosen.append(int(generator.choice(len(units), p=distance / total)))
        distance = np.minimum(distance, np.maximum(1.0 - units @ units[chosen[-1]], 0.0))
    return units[chosen]


def _nearest(units: Matrix, centres: Matrix) -> tuple[Labels, Matrix]:
    labels = np.empty(len(units), dtype=np.int64)
    best = np.empty(len(units), dtype=np.float32)
    for start in range(0, len(units), _BLOCK):
        cosine = units[start : start + _BLOCK] @ centres.T
        labels[start : start + _BLOCK] = cosine.argmax(axis=1)
        best[start : start + _BLOCK] = cosine.max(axis=1)
    return labels, best
