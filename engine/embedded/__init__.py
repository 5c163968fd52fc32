"""The embedded servers: real Neo4j and real Valkey as child processes on the loopback address."""

from __future__ import annotations

from engine.embedded.stack import EmbeddedStack, Endpoints, endpoints

__all__ = ["EmbeddedStack", "Endpoints", "endpoints"]
