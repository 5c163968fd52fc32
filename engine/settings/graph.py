"""Settings of what stands in the graph: events, interests, relations, co-occurrence, retention."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from engine.settings.section import PositiveFloat, PositiveInt, Section

EventScale = Literal["constant", "rating", "duration"]
EventObject = Literal["item", "query", "user"]

_BUILT_IN: dict[str, dict[str, str]] = {
    "rating": {"scale": "rating"},
    "dwell": {"scale": "duration"},
    "search": {"object": "query"},
    "follow": {"object": "user"},
}
"""What these names mean where the registry does not say."""


class EventTypeSettings(Section):
    """How one type of event moves the graph."""

    weight: Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)] = Field(
        description="Strength of the signal; a negative one lowers what it touches."
    )
    half_life_days: PositiveFloat = Field(description="Days until half of its weight is left.")
    in_sequence: bool = Field(True, description="Whether it counts as a step of the user's sequence and in CO_OCCURS.")
    scale: EventScale = Field(
        "constant",
        description="How its value scales it: not at all, as a rating between the bounds, or as a duration in seconds.",
    )
    object: EventObject = Field("item", description="What it is on: an item, the words of a search, or a user.")


def _default_event_types() -> dict[str, EventTypeSettings]:
    return {
        "impression": EventTypeSettings(weight=0.0, half_life_days=7, in_sequence=False),
        "view": EventTypeSettings(weight=0.2, half_life_days=14),
        "click": EventTypeSettings(weight=0.3, half_life_days=14),
        "dwell": EventTypeSettings(weight=0.5, half_life_days=14, scale="duration"),
        "cart": EventTypeSettings(weight=0.6, half_life_days=30),
        "remove": EventTypeSettings(weight=-0.4, half_life_days=30, in_sequence=False),
        "purchase": EventTypeSettings(weight=1.0, half_life_days=90),
        "return": EventTypeSettings(weight=-1.0, half_life_days=90, in_sequence=False),
        "rating": EventTypeSettings(weight=1.0, half_life_days=180, scale="rating"),
        "like": EventTypeSettings(weight=0.8, half_life_days=90),
        "dislike": EventTypeSettings(weight=-1.0, half_life_days=180, in_sequence=False),
        "hide": EventTypeSettings(weight=-0.6, half_life_days=90, in_sequence=False),
        "share": EventTypeSettings(weight=0.9, half_life_days=60),
        "follow": EventTypeSettings(weight=1.0, half_life_days=180, in_sequence=False, object="user"),
        "search": EventTypeSettings(weight=0.3, half_life_days=14, in_sequence=False, object="query"),
    }


class EventSettings(Section):
    """Behaviour coming in."""

    types: dict[str, EventTypeSettings] = Field(
        default_factory=_default_event_types, description="Registry of event types, as JSON; own types may be added."
    )
    rating_min: float = Field(1.0, description="Lowest rating; it counts as minus the type's weight.")
    rating_max: float = Field(
        5.0, description="Highest rating; it counts as the type's weight; the middle counts zero."
    )
    max_batch: PositiveInt = Field(1000, description="Events that one request may carry.")
    max_future_s: PositiveFloat = Field(300, description="Seconds that an event may lie in the future (clock skew).")
    times_kept: PositiveInt = Field(50, description="Latest times kept on one INTERACTED relationship.")
    dwell_full_s: PositiveFloat = Field(
        300, description="Seconds from which on a dwell counts its full weight; fewer count by their logarithm."
    )

    @field_validator("types")
    @classmethod
    def _built_in_meaning(cls, types: dict[str, EventTypeSettings]) -> dict[str, EventTypeSettings]:
        whole = {}
        for name, entry in types.items():
            meaning = {
                key: value for key, value in _BUILT_IN.get(name, {}).items() if key not in entry.model_fields_set
            }
            whole[name] = entry.model_copy(update=meaning) if meaning else entry
            if whole[name].object == "user" and whole[name].weight <= 0:
                raise ValueError(f"{name}: following has a weight above 0")
        return whole

    @model_validator(mode="after")
    def _bounds(self) -> EventSettings:
        if not self.rating_min < self.rating_max:
            raise ValueError("rating_min has to lie below rating_max")
        return self


class StreamSettings(Section):
    """Events coming in through the Redis stream, for senders who do not wait."""

    key: str = Field("interestgraph:events", description="Stream that events are put into.")
    group: str = Field("engine", description="Consumer group that takes them out.")
    dead_key: str = Field("interestgraph:events:dead", description="Stream of events that could not be accepted.")
    max_length: PositiveInt = Field(200_000, description="Events that may wait; beyond, senders are told to wait.")
    max_dead: PositiveInt = Field(10_000, description="Refused events kept; the oldest give way.")
    max_event_bytes: Annotated[int, Field(ge=1024)] = Field(65_536, description="Longest event as JSON.")
    batch: PositiveInt = Field(3000, description="Most events that a consumer writes in one transaction.")
    writers: PositiveInt = Field(1, description="Batches that one consumer process writes at once.")
    claim_idle_s: PositiveFloat = Field(
        30, description="Seconds after which events that a consumer took and never finished go to another one."
    )
    max_deliveries: PositiveInt = Field(
        20, description="Times that an event is tried whose consumer died; then it counts as refused."
    )
    max_unfolded: PositiveInt = Field(
        50_000,
        description="Events waiting for the fold above which consumers slow down; at twice as many they wait for it.",
    )


class InterestSettings(Section):
    """Interests of users."""

    half_life_days: PositiveFloat = Field(60, description="Days until half of an interest's weight is left.")
    max_shown: PositiveInt = Field(100, description="Interests that one answer may carry.")
    search_matches: PositiveInt = Field(3, description="Interests that the words of one search may move.")
    model_mass: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        1.0, description="How much the interests that the model infers count together; 1 is one fresh purchase."
    )
    model_interests: PositiveInt = Field(20, description="Nearest interests that the model's guess is shared among.")
    past_events_max: PositiveInt = Field(
        5000, description="Latest events that are read to tell a user's interests at a past time, and the evidence."
    )


class RelationSettings(Section):
    """Interests that are related, and how an interest goes."""

    max_related: PositiveInt = Field(20, description="Strongest RELATED_TO relationships kept of one interest.")
    min_users: PositiveInt = Field(5, description="Users who share two interests, below which they say nothing.")
    min_items: PositiveInt = Field(5, description="Items that are about two interests, below which they say nothing.")
    users_part: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="Part that users have in how related two interests are; items have the rest."
    )
    max_user_interests: PositiveInt = Field(200, description="Strongest interests of one user that are counted.")
    block_interests: PositiveInt = Field(256, description="Interests compared with all others at once.")
    interval_s: PositiveFloat = Field(3600, description="Seconds after which relations are counted again.")
    trend_short_days: PositiveFloat = Field(7, description="Half-life of the newer part of an interest's momentum.")
    trend_edges: PositiveInt = Field(
        100_000, description="INTERACTED relationships read for one trend; the items most about the interest first."
    )


class TopicSettings(Section):
    """Topics: clusters of what items say."""

    number: PositiveInt | None = Field(None, description="Topics; empty takes the root of half the number of items.")
    max_number: PositiveInt = Field(200, description="Topics at most where their number is not given.")
    words: PositiveInt = Field(3, description="Strongest words that name a topic.")
    part: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.2, description="Part of an item's ABOUT weights that its topic takes; all of it where it has no others."
    )
    rounds: PositiveInt = Field(50, description="Most rounds of the clustering.")
    seed: int = Field(7, description="Seed of the clustering.")


class SocialSettings(Section):
    """Users who are alike."""

    threshold: Annotated[float, Field(gt=0, le=1)] = Field(
        0.7, description="Least cosine of two users' vectors at which they are similar."
    )
    max_similar: PositiveInt = Field(20, description="Most similar users kept of one user.")
    interval_s: PositiveFloat = Field(60, description="Seconds between two looks for users whose vector changed.")
    max_depth: PositiveInt = Field(3, description="Most steps from user to user.")
    hop_decay: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="What a path of users keeps of its weight at every step after the first."
    )
    fan_out: PositiveInt = Field(20, description="Strongest relationships followed from one user.")
    frontier: PositiveInt = Field(200, description="Strongest users of one step from whom the next goes on.")
    max_neighbours: PositiveInt = Field(20, description="Neighbours whose items are candidates.")
    events_per_neighbour: PositiveInt = Field(30, description="Latest events read of one of them.")


class ProfileSettings(Section):
    """How a user behaves."""

    max_events: PositiveInt = Field(2_000, description="Latest events that a profile is made of.")
    recent_events: PositiveInt = Field(100, description="Latest events among which new items are counted.")
    brand_kind: str = Field("brand", description="Kind of the interests that loyalty is measured on.")
    price_attribute: str = Field("price", description="Attribute of items that is their price.")
    price_types: tuple[str, ...] = Field(
        ("purchase",), description="Types of events that say what a user pays, as JSON."
    )


class CoOccurrenceSettings(Section):
    """Items that follow each other."""

    half_life_days: PositiveFloat = Field(180, description="Days until half of a CO_OCCURS weight is left.")
    window: PositiveInt = Field(20, description="Largest distance in a user's sequence that is counted.")
    backward: Annotated[float, Field(ge=0, le=1)] = Field(0.3, description="Weight of the direction new to old.")
    max_edges_per_item: PositiveInt = Field(50, description="Strongest edges kept of one item.")
    slack: Annotated[float, Field(ge=0, le=4)] = Field(
        0.2, description="Share by which the edges of one item may grow beyond that before they are cut back to it."
    )
    fold_interval_s: PositiveFloat = Field(1.0, description="Seconds between two folds of recent events.")
    fold_batch_events: PositiveInt = Field(10_000, description="Most events that one transaction of the fold takes.")
    shards: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="Parts of the items whose edges workers move side by side; taken over when no move waits."
    )
    cached_edges: Annotated[int, Field(ge=0)] = Field(
        1_000_000, description="Edges that a worker remembers between two folds, about 40 bytes each."
    )

    @property
    def most_edges_per_item(self) -> int:
        """Edges that one item may have before they are cut back."""
        return self.max_edges_per_item + int(self.max_edges_per_item * self.slack)


class RetentionSettings(Section):
    """How long raw events and faded relationships are kept."""

    events_days: PositiveFloat | None = Field(
        None, description="Days after which a raw event goes; what it gave to its user stays. Empty keeps all."
    )
    lost_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.01,
        description="Most that a pruned event may still be worth of what it gave to CO_OCCURS and popularity, which "
        "lose it; events_days must be that many half-lives long.",
    )
    impressions_days: PositiveFloat | None = Field(
        90, description="Days after which events of types without a weight go, such as impressions. Empty keeps them."
    )
    interacted_floor: PositiveFloat | None = Field(
        None,
        description="INTERACTED goes when its magnitude has faded below this and no event of it is in the log any "
        "more; interests stay. Empty keeps all.",
    )
    batch_events: PositiveInt = Field(2000, description="Most events that one transaction of pruning deletes.")
    every_hours: PositiveFloat = Field(24, description="Hours between two prunings.")
