"""Beam as we use it: the client with its two endpoints, its errors, its budget of requests."""

from bot.beam.client import BeamClient, new_http_client
from bot.beam.errors import (
    BadAnswer,
    BeamError,
    NotConnected,
    RateLimited,
    TaskNotFound,
    Unauthorized,
    Unavailable,
)
from bot.beam.limiter import RateLimiter

__all__ = [
    "BadAnswer",
    "BeamClient",
    "BeamError",
    "NotConnected",
    "RateLimited",
    "RateLimiter",
    "TaskNotFound",
    "Unauthorized",
    "Unavailable",
    "new_http_client",
]
