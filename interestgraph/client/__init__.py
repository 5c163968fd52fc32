"""A typed client of the REST API.

    from interestgraph.client import Client

    with Client("http://127.0.0.1:8080") as client:
        sent = client.send_event("purchase", "household-1", "995242")
        for item in client.recommendations("household-1", freshness=sent.freshness).items:
            print(item.rank, item.title, item.score)

Sending events again is harmless: each gets an id before it leaves, so that an attempt whose answer was lost counts
once. Calls that can be repeated are repeated while the server says 429 or 503, after the time that it asks for, and
when the connection breaks.
"""

from __future__ import annotations

from interestgraph.client.answers import (
    EventOutcome,
    Interest,
    Job,
    Recommendations,
    RecommendedItem,
    Sent,
    SentLines,
    Term,
)
from interestgraph.client.errors import (
    ClientError,
    ConflictError,
    ConnectionFailedError,
    InvalidRequestError,
    JobTimeoutError,
    NotAllowedError,
    NotFoundError,
    ProblemError,
    RateLimitedError,
    UnavailableError,
)
from interestgraph.client.http import Client

__all__ = [
    "Client",
    "ClientError",
    "ConflictError",
    "ConnectionFailedError",
    "EventOutcome",
    "Interest",
    "InvalidRequestError",
    "Job",
    "JobTimeoutError",
    "NotAllowedError",
    "NotFoundError",
    "ProblemError",
    "RateLimitedError",
    "Recommendations",
    "RecommendedItem",
    "Sent",
    "SentLines",
    "Term",
    "UnavailableError",
]
