"""Settings: one frozen tree, read from the environment, a `.env` file and secret files.

Names: `INTERESTGRAPH_<SECTION>__<KEY>`, for example `INTERESTGRAPH_INTERESTS__HALF_LIFE_DAYS=45`. Four names
that every deployment knows have no prefix: `NEO4J_URI`, `NEO4J_USER`, `NEO4J_PASSWORD` (or `NEO4J_PASSWORD_FILE`)
and `REDIS_URL`. Without `NEO4J_URI` or `REDIS_URL` the embedded servers below `INTERESTGRAPH_HOME` are used.
"""

from __future__ import annotations

from engine.settings.graph import (
    CoOccurrenceSettings,
    EventObject,
    EventScale,
    EventSettings,
    EventTypeSettings,
    InterestSettings,
    ProfileSettings,
    RelationSettings,
    RetentionSettings,
    SocialSettings,
    StreamSettings,
    TopicSettings,
)
from engine.settings.parts import (
    ApiSettings,
    ModelSettings,
    Neo4jSettings,
    RankingSettings,
    TrainingSettings,
    WorkerSettings,
)
from engine.settings.section import (
    PositiveFloat,
    PositiveInt,
    Section,
)
from engine.settings.tree import (
    Settings,
    get_settings,
    load_settings,
)

__all__ = [
    "ApiSettings",
    "CoOccurrenceSettings",
    "EventObject",
    "EventScale",
    "EventSettings",
    "EventTypeSettings",
    "InterestSettings",
    "ModelSettings",
    "Neo4jSettings",
    "PositiveFloat",
    "PositiveInt",
    "ProfileSettings",
    "RankingSettings",
    "RelationSettings",
    "RetentionSettings",
    "Section",
    "Settings",
    "SocialSettings",
    "StreamSettings",
    "TopicSettings",
    "TrainingSettings",
    "WorkerSettings",
    "get_settings",
    "load_settings",
]
