"""Words of a search, in the form that the full-text index of interests takes."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+", re.UNICODE)
_MOST_WORDS = 16


def search_words(query: str) -> str:
    """Give a query that finds any of the words; empty where there are none.

    Everything that the index would read as an operator is left out, and words are quoted, so that no input is a
    syntax error.

    Args:
        query: What the user typed.
    """
    words = dict.fromkeys(word.casefold() for word in _WORD.findall(query))
    return " OR ".join(f'"{word}"' for word in list(words)[:_MOST_WORDS])
