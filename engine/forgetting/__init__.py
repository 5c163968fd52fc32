"""Deleting users and items so that nothing of them is left."""

from __future__ import annotations

from engine.forgetting.items import forget_item
from engine.forgetting.users import forget_user

__all__ = ["forget_item", "forget_user"]
