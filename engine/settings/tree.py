"""The whole tree of settings, and how it is read."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import SettingsError
from engine.settings.graph import (
    CoOccurrenceSettings,
    EventSettings,
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
