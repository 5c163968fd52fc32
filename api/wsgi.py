"""The application that gunicorn serves."""

from __future__ import annotations

import sys

# The Neo4j driver loads these where they are installed, 70 MB for a conversion that is not used here.
_blocked = [name for name in ("pandas", "pyarrow") if name not in sys.modules]
for _name in _blocked:
    sys.modules[_name] = None  # type: ignore[assignment]

try:
    from api import logs
    from api.factory import create_app
    from engine.settings import get_settings

    logs.configure(get_settings())
    app = create_app(get_settings())
finally:
    for _name in _blocked:
        del sys.modules[_name]
