"""What the engine recommends, and why."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import metrics, spec
from api.answers import answer
from api.auth import needs, security
from api.blueprints.support import container
from api.keys import Scope
from api.schemas.items import ItemPath
from api.schemas.recommendations import RecommendationsAnswer, RecommendationsQuery, SimilarAnswer, SimilarQuery
from api.schemas.users import UserPath
from api.validation import validated
from engine.ranking.answers import NO_VERSION

blueprint = APIBlueprint("recommendations", __name__, abp_tags=[spec.RECOMMENDATIONS])


@blueprint.get(
    "/v1/users/<id:user_id>/recommendations",
    summary="Recommend items to a user",
    operation_id="recommend",
    security=security(Scope.READ),
    responses=spec.responses({200: RecommendationsAnswer}),
)
@needs(Scope.READ)
@validated
def recommend(path: UserPath, query: RecommendationsQuery) -> Any:
    """Computed from the user's history of this moment; the terms of an item sum to its score.

    With `freshness` the answer knows of the events that the token stands for, whichever process answers; where the
    graph does not reach that state in time, the answer is 503 `freshness_timeout`. Send `recommendation_id` back with
    the impressions, clicks and hides that follow: what was passed by fades, what was hidden stays away for a while.

    A user who is not known is a newcomer, not an error. When fewer items come back than were asked for, `cut` says
    which filter took how many out.
    """
    answered = (
        container()
        .recommender()
        .recommend(
            path.user_id,
            query.n,
            freshness=query.freshness,
            explain=query.explain,
            exclude=query.exclude or (),
            interest=query.interest,
            recommend_seen=query.seen,
            diversity=query.diversity,
        )
    )
    metrics.RECOMMENDED.labels(answered.version or NO_VERSION).inc(len(answered.items))
    return answer(answered.to_dict())


@blueprint.get(
    "/v1/items/<id:item_id>/similar",
    summary="Find items like one",
    operation_id="similar",
    security=security(Scope.READ),
    responses=spec.responses({200: SimilarAnswer}, 404),
)
@needs(Scope.READ)
@validated
def similar(path: ItemPath, query: SimilarQuery) -> Any:
    """By their vectors, by what follows what, and by the interests they share; the parts sum to the score."""
    return answer(container().recommender().similar(path.item_id, query.n).to_dict())
