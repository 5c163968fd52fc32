from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from engine.model.inferred_edges import InferenceRule, ItemViews, infer_edges, neighbour_vectors, tf_idf
from engine.training.data import ItemTable

RULE = InferenceRule(
    "words", 1, power=1.0, own=2.0, exponent=1.0, factor=0.5, strengths=(0.0, 1.0), certainties=(0.0, 0.4)
)


def items(*titles: str, content: np.ndarray | None = None) -> ItemTable:
    ids = [str(number) for number in range(len(titles))]
    return ItemTable(ids, titles, content, sparse.csr_array((len(titles), 0)), [])


def edges(size: int, *entries: tuple[int, int, float]) -> sparse.csr_array:
    source, target, weight = zip(*entries, strict=True)
    return sparse.csr_array((np.array(weight), (source, target)), shape=(size, size))


def test_who_comes_to_the_neighbour_comes_to_the_new_item() -> None:
    # 3 has the words of 1: 0 → 1 counts .8, and the strongest edge that leaves 1 counts .6.
    catalogue = items("tea pot", "red lamp", "chair", "lamp red")
    counted = edges(4, (0, 1, 0.8), (1, 2, 0.6), (1, 0, 0.3))
    found = infer_edges(counted, ItemViews(catalogue), np.array([3]), RULE)
    assert found.source.tolist() == [1, 0]
    assert found.target.tolist() == [3, 3]
    # 1 is reached by .8, the three items that are reached by .8, .6 and .3: .5667 in the mean.
    followed = 0.5 * 0.8 * np.sqrt((0.8 + 0.6 + 0.3) / 3 / 0.8)
    np.testing.assert_allclose(found.weight, [0.5 * 2 * 0.6, followed])
    np.testing.assert_allclose(found.certainty, [0.4 * 0.6, 0.4 * followed])


def test_the_exponent_evens_strong_and_weak() -> None:
    catalogue = items("tea pot", "red lamp", "chair", "lamp red")
    counted = edges(4, (0, 1, 0.8), (1, 2, 0.6), (1, 0, 0.3))
    plain = infer_edges(counted, ItemViews(catalogue), np.array([3]), RULE)
    evened = infer_edges(counted, ItemViews(catalogue), np.array([3]), replace(RULE, exponent=0.5))
    np.testing.assert_allclose(evened.weight, 0.5 * (plain.weight / 0.5) ** 0.5)


def test_every_new_item_is_reached_as_much_as_the_mean_item() -> None:
    catalogue = items("tea pot", "red lamp", "chair", "lamp red", "tea pot", "chair lamp")
    counted = edges(6, (0, 1, 0.8), (1, 2, 0.6), (1, 0, 0.3), (2, 0, 0.1))
    new = np.array([3, 4, 5])
    rule = replace(RULE, factor=1.0, neighbours=2, evening=1.0)
    found = infer_edges(counted, ItemViews(catalogue), new, rule)
    sums = np.bincount(found.target, found.weight, minlength=6)[new]
    np.testing.assert_allclose(sums, (0.8 + 0.6 + 0.4) / 3)
    # Half way on the scale of logarithms.
    plain, half = (
        infer_edges(counted, ItemViews(catalogue), new, replace(rule, evening=evening)) for evening in (0.0, 0.5)
    )
    middle = np.sqrt(np.bincount(plain.target, plain.weight, minlength=6)[new] * sums)
    np.testing.assert_allclose(np.bincount(half.target, half.weight, minlength=6)[new], middle)


def test_a_new_item_has_the_shrunk_mean_of_its_neighbours() -> None:
    near = sparse.csr_array(np.array([[0.5, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    vectors = np.array([[4.0, 0.0], [0.0, 2.0], [9.0, 9.0]], dtype=np.float32)
    rows, found = neighbour_vectors(near, replace(RULE, power=2.0, shrinkage=0.5), lambda used: vectors[used])
    assert rows.tolist() == [0]
    np.testing.assert_allclose(found, [[0.5 * 0.25 / 1.25 * 4, 0.5 / 1.25 * 2]], rtol=1e-6)


def test_of_many_edges_the_strongest_stay() -> None:
    catalogue = items("lamp", "a", "b", "c", "lamp")
    counted = edges(5, (1, 0, 0.1), (2, 0, 0.3), (3, 0, 0.2))
    found = infer_edges(counted, ItemViews(catalogue), np.array([4]), RULE, keep=2)
    assert found.source.tolist() == [2, 3]


def test_a_new_item_is_not_its_own_neighbour() -> None:
    # 2 has a counted edge already; it resembles itself most, but only 0 may speak for it.
    catalogue = items("red lamp", "chair", "green lamp")
    counted = edges(3, (1, 0, 1.0), (1, 2, 0.1))
    found = infer_edges(counted, ItemViews(catalogue), np.array([2]), RULE)
    assert found.source.tolist() == [1]
    similarity = ItemViews(catalogue).similarity("words", np.array([2]), np.array([0]))[0, 0]
    np.testing.assert_allclose(found.weight, [0.5 * similarity * np.sqrt(0.55 / 1.0)])


def test_nothing_in_common_infers_nothing() -> None:
    counted = edges(3, (0, 1, 1.0))
    found = infer_edges(counted, ItemViews(items("a", "b", "c")), np.array([2]), RULE)
    assert len(found) == 0
    assert found.matrix(3).nnz == 0


def test_rare_words_weigh_more() -> None:
    rows = tf_idf(["soap rose", "soap lily", "soap mint", "rose"])
    cosine = (rows @ rows.T).toarray()
    np.testing.assert_allclose(np.diag(cosine), 1)
    soap, rose = np.log(5 / 4) + 1, np.log(5 / 3) + 1
    assert cosine[0, 3] == pytest.approx(rose / np.hypot(soap, rose))
    assert cosine[0, 3] > cosine[0, 1]


def test_several_views_count_alike() -> None:
    content = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]], dtype=np.float32)
    views = ItemViews(items("a", "b", "b", content=content))
    assert views.names == ("words", "content", "words+content")
    found = views.similarity("words+content", np.array([2]), np.array([0, 1]))
    np.testing.assert_allclose(found, [[0.5, 0.5]])


def test_a_rule_is_the_same_after_json() -> None:
    assert InferenceRule.from_dict(RULE.to_dict()) == RULE
    # Models of before had no evening, vectors, shrinkage and scale.
    newer = {"evening", "vectors", "shrinkage", "scale"}
    older = {name: value for name, value in RULE.to_dict().items() if name not in newer}
    assert InferenceRule.from_dict(older) == RULE
    with pytest.raises(ValueError, match=r"inference\.vectors is nothing"):
        InferenceRule.from_dict({**older, "vectors": "nothing"})


def test_items_are_compared_by_their_images_without_what_all_share() -> None:
    # All three share much; without it, 2 is like 0 and opposite to 1. Item 3 has no image.
    images = np.array([[10.0, 1.0], [10.0, -2.0], [10.0, 1.0], [0.0, 0.0]], dtype=np.float32)
    catalogue = replace(items("a", "b", "c", "d"), media={"image": images})
    views = ItemViews(catalogue)
    assert views.names == ("words", "image", "words+image")
    np.testing.assert_allclose(views.similarity("image", np.array([2, 3]), np.array([0, 1])), [[1, 0], [0, 0]])
    counted = edges(4, (1, 0, 1.0), (0, 1, 1.0))
    found = infer_edges(counted, views, np.array([2]), replace(RULE, view="image"))
    assert found.source.tolist() == [0, 1]  # 0 is like it, and 1 leads to 0
