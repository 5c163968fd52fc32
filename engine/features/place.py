"""Where a media file of an item lies: below one folder, never outside of it, never on the network. No torch."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from engine.errors import InvalidInputError

MEDIA: Final = ("image", "audio")
"""Properties of an item that name a file, and the modalities that come of them."""

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|data:", re.ASCII)
_SEPARATORS: Final = re.compile(r"[\\/]")
_REMEDY: Final = "Give the path of a file below INTERESTGRAPH_MODEL__MEDIA_FOLDER."


def leads_outside(folder: Path, name: str) -> bool:
    """Tell by the name alone whether it leads out of the media folder.

    Args:
        folder: The media folder, absolute.
        name: What the item's property says.
    """
    if ".." in _SEPARATORS.split(name):
        return True
    return Path(name).is_absolute() and not Path(os.path.normpath(name)).is_relative_to(folder)


def media_path(folder: Path, name: object, *, field: str) -> Path:
    """Give the file that a property names; links are followed first, so that none leads outside.

    Args:
        folder: The media folder, absolute.
        name: What the property says: a path below the folder, or an absolute one that lies in it.
        field: The property.

    Raises:
        InvalidInputError: It is no name of a file, leads outside, or there is no such file.
    """
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise InvalidInputError("This is no name of a file.", field=field, value=name, remedy=_REMEDY)
    if _ADDRESS.match(name):
        raise InvalidInputError(
            "This is an address; nothing is read over the network.", field=field, value=name, remedy=_REMEDY
        )
    outside = InvalidInputError("This path leads out of the media folder.", field=field, value=name, remedy=_REMEDY)
    if leads_outside(folder, name):
        raise outside
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise outside
        if not path.is_file():
            raise InvalidInputError("There is no such file.", field=field, value=name, remedy=_REMEDY)
    except (OSError, RuntimeError) as error:  # a name too long, links in a circle
        raise InvalidInputError("The file cannot be found.", field=field, value=name, remedy=_REMEDY) from error
    return path
