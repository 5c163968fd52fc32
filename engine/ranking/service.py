"""The one door to the ranking: recommendations, similar items, status."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from engine.domain import EpochMs, Recommendation, now_ms
from engine.errors import InvalidInputError, NotFoundError
from engine.events.token import decode_token
from engine.graph.fresh import FreshReads
from engine.graph.store import GraphStore
from engine.ranking.answers import (
    RankingStatus,
    RecommendationList,
    SimilarItem,
    SimilarItems,
    new_recommendation_id,
)
from engine.ranking.candidates import best_items
from engine.ranking.card import TermParameters
from engine.ranking.cold_start import newcomer_diversity, newcomer_parameters
from engine.ranking.diversity import interest_features, rerank, vector_features
from engine.ranking.explain import Explainer, Reason, plain_terms
from engine.ranking.filters import Filters, allowed_items
from engine.ranking.profile import Profile, UserState, profile_in, read_attributes, read_user
from engine.ranking.refresher import Refresher
from engine.ranking.score import score_items, user_vector
from engine.ranking.similar import likeness
from engine.ranking.state import Float32, Snapshot
from engine.settings import RankingSettings, Settings
from engine.social.items import neighbours_items

MAX_EXCLUDED: Final = 10_000
_POOL_FACTOR: Final = 5
_FIRST_LOAD_S: Final = 5.0


class Recommender:
    """Recommendations from the living graph, for the threads of one process.

    Args:
        store: The graph; it stays the caller's to close.
        settings: Ranking, half-lives, where models are.
    """

    def __init__(self, store: GraphStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._refresher = Refresher(store, settings)
        self._fresh = FreshReads(settings.api.freshness_wait_s)

    def start(self, *, wait_s: float = 0) -> None:
        """Keep the state fresh in a thread of its own; to be called after a fork.

        Args:
            wait_s: Seconds to wait for the first load.

        Raises:
            UnavailableError: It is not loaded by then; the thread goes on trying.
        """
        self._refresher.start()
        if wait_s > 0:
            self._refresher.wait(wait_s)

    def close(self) -> None:
        """Stop the thread."""
        self._refresher.close()

    def refresh(self) -> bool:
        """Look at the graph now, and tell whether anything changed."""
        return self._refresher.refresh()

    def recommend(
        self,
        user_id: str,
        n: int = 10,
        *,
        freshness: str | None = None,
        explain: bool = False,
        exclude: Collection[str] = (),
        interest: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        recommend_seen: bool | None = None,
        diversity: float | None = None,
    ) -> RecommendationList:
        """Recommend items to a user.

        Args:
            user_id: The user; an unknown one gets what a newcomer gets.
            n: Items asked for.
            freshness: Token of an event's answer; the recommendations then know of that event.
            explain: Whether to give paths and sentences.
            exclude: Items that may not come back.
            interest: Only items about this interest.
            attributes: Only items with these values.
            recommend_seen: Whether items of the user's history may come back; the setting where empty.
            diversity: Weight of diversity against score, 0 to 1; the setting where empty.

        Returns:
            n items whenever n exist that the filters let through; else all of those, and what was cut.

        Raises:
            InvalidInputError: An argument is wrong.
            FreshnessTimeoutError: The graph does not reach the state of the token in time.
            UnavailableError: The graph does not answer, or the state is not loaded yet.
        """
        self._check(n, exclude, diversity)
        bookmarks = None if freshness is None else decode_token(freshness).bookmarks
        snapshot = self._refresher.wait(_FIRST_LOAD_S)
        seen_too = self._settings.ranking.recommend_seen if recommend_seen is None else recommend_seen
        now = now_ms()
        user = self._read(snapshot, user_id, now, with_seen=not seen_too, bookmarks=bookmarks)
        if snapshot.behind:
            snapshot = self._refresher.bring(snapshot, latest_places(snapshot, user))
        filters = Filters(exclude, interest, attributes or {}, seen_too)
        wanted = self._settings.ranking.diversity if diversity is None else diversity
        answer = rank(
            snapshot,
            user,
            n,
            filters=filters,
            diversity=wanted,
            options=self._settings.ranking,
            explain=explain,
            now=now,
            staleness_s=self._refresher.staleness_s,
        )
        behind = self._refresher.behind
        return replace(
            answer,
            events_waiting=behind.events,
            fold_lag_s=behind.lag_s,
            moves_waiting=behind.moves,
            recounting=behind.recounting,
        )

    def similar(self, item_id: str, n: int = 10) -> SimilarItems:
        """Give the items most like an item.

        Raises:
            NotFoundError: There is no such item.
            UnavailableError: The state is not loaded yet.
        """
        self._check(n, (), None)
        snapshot = self._refresher.wait(_FIRST_LOAD_S)
        place = snapshot.catalogue.index.get(item_id)
        if place is not None:
            snapshot = self._refresher.bring(snapshot, [place])
        return similar_items(snapshot, item_id, n)

    def status(self) -> RankingStatus:
        """Tell how the state stands; the graph is not asked."""
        snapshot, counters = self._refresher.snapshot, self._refresher.counters
        failure = self._refresher.failure
        space = None if snapshot is None else snapshot.space
        problem = None if snapshot is None else snapshot.problem
        return RankingStatus(
            loaded=snapshot is not None,
            version=None if snapshot is None else snapshot.version,
            items=0 if snapshot is None else len(snapshot.catalogue.index),
            items_with_vector=0 if space is None else int(np.count_nonzero(space.embedded)),
            edges=0 if snapshot is None else snapshot.edges.entries,
            interests=0 if snapshot is None else len(snapshot.interests.ids),
            staleness_s=self._refresher.staleness_s,
            whole_age_s=self._refresher.whole_age_s,
            as_of=None if snapshot is None else snapshot.as_of,
            refreshes=counters.refreshes,
            failures=counters.failures,
            full_loads=counters.full_loads,
            last_refresh_ms=counters.last_refresh_ms,
            problem=str(failure) if failure is not None else problem,
            events_waiting=self._refresher.behind.events,
            fold_lag_s=self._refresher.behind.lag_s,
        )

    def _read(
        self, snapshot: Snapshot, user_id: str, now: EpochMs, *, with_seen: bool, bookmarks: Sequence[str] | None
    ) -> UserState:
        """Read a user from the graph, not before the bookmarks."""

        def read() -> UserState:
            options = self._settings
            user = read_user(self._store, user_id, settings=options, at=now, with_seen=with_seen, bookmarks=bookmarks)
            parameters = parameters_for(snapshot, options.ranking, newcomer=not user.history)
            if not user.known:
                return user
            if parameters.demographics_scale > 0 and snapshot.demographics.groups:
                names = options.ranking.demographics
                user = replace(user, attributes=read_attributes(self._store, user_id, names, bookmarks=bookmarks))
            if parameters.neighbours_scale <= 0:
                return user
            near = neighbours_items(self._store, user_id, settings=options, at=now, bookmarks=bookmarks)
            return replace(user, neighbours=near)

        return self._fresh.run(read) if bookmarks else read()

    def _check(self, n: int, exclude: Collection[str], diversity: float | None) -> None:
        most = self._settings.api.max_recommendations
        if not 1 <= n <= most:
            raise InvalidInputError("A list has another length.", field="n", value=n, remedy=f"Use 1 to {most}.")
        if len(exclude) > MAX_EXCLUDED:
            raise InvalidInputError(
                "Too many items are excluded.", field="exclude", value=len(exclude), remedy=f"At most {MAX_EXCLUDED}."
            )
        if diversity is not None and not 0 <= diversity <= 1:
            raise InvalidInputError("Diversity is a share.", field="diversity", value=diversity, remedy="Use 0 to 1.")


def latest_places(snapshot: Snapshot, user: UserState) -> list[int]:
    """Give the items whose CO_OCCURS rows count for a user, by index."""
    latest = (TermParameters() if snapshot.space is None else snapshot.space.parameters).latest
    index = snapshot.catalogue.index
    return [index[step.item_id] for step in user.history if step.item_id in index][:latest]


def parameters_for(
    snapshot: Snapshot, options: RankingSettings, *, newcomer: bool, with_friends: bool = False
) -> TermParameters:
    """Give the weights of the terms: the card's where there is a model, changed by the settings.

    Args:
        snapshot: The state to answer from.
        options: The settings.
        newcomer: Whether no step of the user is known.
        with_friends: Whether somebody near the user took something.
    """
    parameters = TermParameters() if snapshot.space is None else snapshot.space.parameters
    if snapshot.space is not None and not snapshot.joined_for(snapshot.space):
        parameters = replace(parameters, resemblance_scale=0.0)
    parameters = replace(parameters, fatigue_scale=options.fatigue)
    if newcomer:
        heard = with_friends and options.neighbours != 0
        parameters = newcomer_parameters(parameters, with_friends=heard)
        scale = options.demographics_weight if options.demographics else 0.0
        parameters = replace(parameters, demographics_scale=scale)
    return parameters if options.neighbours is None else replace(parameters, neighbours_scale=options.neighbours)


def rank(
    snapshot: Snapshot,
    user: UserState,
    n: int,
    *,
    filters: Filters,
    diversity: float,
    options: RankingSettings,
    explain: bool,
    now: int,
    staleness_s: float = 0.0,
) -> RecommendationList:
    """Rank the items of a snapshot for a user; nothing else is read.

    Args:
        snapshot: The state to answer from.
        user: The user as the graph has them.
        n: Items asked for.
        filters: What to leave out.
        diversity: Weight of diversity.
        options: Weights that no model says, and how many items diversity chooses among.
        explain: Whether to give paths and sentences.
        now: The time of the answer, epoch ms.
        staleness_s: How old the snapshot is.
    """
    profile = profile_in(snapshot, user)
    parameters = parameters_for(snapshot, options, newcomer=profile.newcomer, with_friends=bool(profile.neighbours))
    if profile.newcomer:
        diversity = newcomer_diversity(diversity)
    vector = user_vector(snapshot, profile)
    scores = score_items(snapshot, profile, vector, parameters)
    allowed, cut = allowed_items(snapshot, profile, filters)
    pool = max(n, min(options.candidates, _POOL_FACTOR * n)) if diversity > 0 else n
    best = best_items(snapshot, scores.total, allowed, pool)
    order = rerank(scores.total[best], _features(snapshot, profile, best), n, diversity)
    places = [int(best[place]) for place in order]
    reasons: Sequence[Reason | None] = [None] * len(places)
    if explain:
        reasons = Explainer(snapshot, profile, scores, vector, parameters, now).explain(places)
    catalogue = snapshot.catalogue
    items = tuple(
        Recommendation(
            item_id=catalogue.ids[place],
            score=scores.score(place),
            rank=number,
            terms=plain_terms(scores, place) if reason is None else reason.terms,
            attributes=catalogue.attributes[place],
            title=catalogue.titles[place],
            reason=None if reason is None else reason.text,
        )
        for number, (place, reason) in enumerate(zip(places, reasons, strict=True), start=1)
    )
    return RecommendationList(
        recommendation_id=new_recommendation_id(snapshot.version),
        user_id=user.user_id,
        known=user.known,
        newcomer=profile.newcomer,
        version=snapshot.version,
        as_of=snapshot.as_of,
        staleness_s=staleness_s,
        items=items,
        asked=n,
        cut=cut,
        diversity=diversity,
        reordered=order != list(range(len(order))),
    )


def similar_items(snapshot: Snapshot, item_id: str, n: int) -> SimilarItems:
    """Give the items of a snapshot that are most like one of them; those with nothing in common are left out.

    Raises:
        NotFoundError: There is no such item.
    """
    index = snapshot.catalogue.index.get(item_id)
    if index is None:
        raise NotFoundError("There is no such item.", field="item_id", value=item_id)
    found = likeness(snapshot, index)
    allowed = snapshot.catalogue.available & snapshot.catalogue.alive & (found.total > 0)
    allowed[index] = False
    catalogue = snapshot.catalogue
    items = []
    for number, place in enumerate(best_items(snapshot, found.total, allowed, n).tolist(), start=1):
        parts = found.of(place)
        items.append(
            SimilarItem(
                item_id=catalogue.ids[place],
                title=catalogue.titles[place],
                score=float(sum(parts.values())),
                rank=number,
                parts=parts,
                attributes=catalogue.attributes[place],
            )
        )
    return SimilarItems(item_id, snapshot.version, tuple(items))


def _features(snapshot: Snapshot, profile: Profile, places: Any) -> Float32:
    """Likeness by vectors; for a newcomer, or without vectors, by what the items are about."""
    vectors = None if profile.newcomer else vector_features(snapshot, places)
    return interest_features(snapshot, places) if vectors is None else vectors
