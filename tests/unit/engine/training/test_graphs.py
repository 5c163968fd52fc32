from __future__ import annotations

import numpy as np
from scipy import sparse

from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings
from engine.model.recommender import GraphTensors
from engine.training.data import Dataset, InteractionTable, ItemTable
from engine.training.graphs import UnseenGraphs, whole_graph

COUNTING = CountSettings()


def _data(sequences: list[list[int]], items: int) -> Dataset:
    lengths = [len(sequence) for sequence in sequences]
    users = np.repeat(np.arange(len(sequences)), lengths)
    times = np.concatenate([np.arange(length) for length in lengths])
    flat = np.concatenate([np.array(sequence) for sequence in sequences])
    names = [str(user) for user in range(len(sequences))]
    table = InteractionTable.from_columns(users, flat, np.ones(len(flat), dtype=int), times, names)
    ids = [str(item) for item in range(items)]
    about = sparse.csr_array(np.eye(items, 1, dtype=np.float32))
    return Dataset(table, ItemTable(ids, ids, None, about, ["x"]), ["", "view"])


def _pairs(graph: GraphTensors) -> set[tuple[int, int]]:
    between = graph.edges[:, 1] > 0
    return {(int(heard), int(hears)) for heard, hears in graph.edge_index[:, between].T.tolist()}


def _graphs(data: Dataset, folds: int) -> tuple[GraphTensors, UnseenGraphs]:
    table = data.interactions
    whole = whole_graph(data, CoOccurrenceTerm.count(table, len(data.items), COUNTING), 10)
    return whole, UnseenGraphs(whole, table, COUNTING, 10, seed=1, folds=folds)


def test_a_fold_hears_nothing_that_only_its_own_users_did() -> None:
    # Each user alone has taken a pair of items.
    sequences = [[0, 1], [2, 3], [4, 5], [6, 7]]
    whole, unseen = _graphs(_data(sequences, 8), folds=4)
    assert sorted(unseen.fold_of_user.tolist()) == [0, 1, 2, 3]
    for user, (first, second) in enumerate(sequences):
        heard = _pairs(unseen.of_fold(int(unseen.fold_of_user[user])))
        own = {(first, second), (second, first)}
        assert own <= _pairs(whole)
        assert heard == _pairs(whole) - own


def test_what_others_did_too_is_still_heard() -> None:
    _, unseen = _graphs(_data([[0, 1], [0, 1]], 2), folds=2)
    for fold in range(2):
        assert _pairs(unseen.of_fold(fold)) == {(0, 1), (1, 0)}


def test_edges_of_interests_are_everybodys() -> None:
    whole, unseen = _graphs(_data([[0, 1], [2, 3]], 4), folds=2)
    for fold in range(2):
        graph = unseen.of_fold(fold)
        of_interests = graph.edges[:, 1] == 0
        assert graph.edge_index[:, of_interests].tolist() == [[4, 0], [0, 4]]
        assert len(graph.edges) == int(of_interests.sum()) + len(_pairs(graph))
        assert graph.id_index is whole.id_index
