"""Requests checked against their models before a route sees them.

flask-openapi3 reads the same models for the OpenAPI document. Its own check is not used: it makes the JSON schema of
the query model anew in every request, and takes a body that is not JSON for an empty one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar, get_args, get_origin, get_type_hints

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from api import strict_json
from api.errors import Fault, InvalidRequestError, UnsupportedMediaTypeError

P = ParamSpec("P")
R = TypeVar("R")

_REMEDIES: Final = {
    "missing": "Add it.",
    "extra_forbidden": "Remove it, or correct its name.",
    "string_type": "Give a text.",
    "string_pattern_mismatch": "Leave out control characters.",
    "string_unicode": "Give whole Unicode characters.",
    "int_type": "Give a whole number.",
    "int_parsing": "Give a whole number.",
    "int_from_float": "Give a whole number.",
    "float_type": "Give a number.",
    "float_parsing": "Give a number.",
    "finite_number": "Give a finite number.",
    "bool_type": "Give true or false.",
    "bool_parsing": "Give true or false.",
    "list_type": "Give an array.",
    "dict_type": "Give an object.",
    "model_type": "Give an object.",
    "model_attributes_type": "Give an object.",
}
_LIMIT_REMEDIES: Final = {
    "string_too_short": ("min_length", "Give at least {} character(s)."),
    "string_too_long": ("max_length", "Give at most {} character(s)."),
    "too_short": ("min_length", "Give at least {} element(s)."),
    "too_long": ("max_length", "Give at most {} element(s)."),
    "greater_than_equal": ("ge", "Give {} or more."),
    "greater_than": ("gt", "Give more than {}."),
    "less_than_equal": ("le", "Give {} or less."),
    "less_than": ("lt", "Give less than {}."),
    "literal_error": ("expected", "Give one of {}."),
    "enum": ("expected", "Give one of {}."),
}
STREAMED: Final = object()
"""Stands for a body that is still to be read."""

_HIDDEN_INPUT: Final = frozenset({"missing"})


def field_path(location: tuple[int | str, ...]) -> str:
    """Give a place in the input as people write it, for example `events[3].item_id`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path


def faults_of(error: ValidationError, *, root: str) -> list[Fault]:
    """Give every fault that pydantic found.

    Args:
        error: What it raised.
        root: Name of the whole input, for faults that have no place in it.
    """
    faults = []
    for found in error.errors(include_url=False):
        kind, context = found["type"], found.get("ctx", {})
        message = found["msg"].removeprefix("Value error, ")
        remedy = _REMEDIES.get(kind)
        if kind in _LIMIT_REMEDIES:
            name, sentence = _LIMIT_REMEDIES[kind]
            remedy = sentence.format(context.get(name))
        elif kind == "value_error":
            remedy = getattr(context.get("error"), "remedy", None)
        faults.append(
            Fault(
                message=message if message.endswith(".") else f"{message}.",
                field=field_path(found["loc"]) or root,
                value=None if kind in _HIDDEN_INPUT else found["input"],
                remedy=remedy,
            )
        )
    return faults


def read_json_body() -> Any:
    """Read the body of the present request.

    Raises:
        UnsupportedMediaTypeError: It is not JSON, or compressed.
        MalformedBodyError: It is no JSON that can be read.
        RequestEntityTooLarge: It is larger than the application's limit.
    """
    _check_coding()
    data = request.get_data(cache=False)
    limit = request.max_content_length
    if limit is not None and request.content_length is None and len(data) >= limit:
        # A body in chunks does not say how long it is; werkzeug cuts it off at the limit without a word.
        raise RequestEntityTooLarge
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if (data or request.mimetype) and (
        not (request.mimetype == "application/json" or request.mimetype.endswith("+json"))
        or charset not in ("utf-8", "utf8", "us-ascii")
    ):
        raise UnsupportedMediaTypeError(
            "The body is not declared to be JSON in UTF-8.",
            field="Content-Type",
            value=request.headers.get("Content-Type"),
            remedy="Send Content-Type: application/json.",
        )
    return strict_json.loads(data)


def _check_coding() -> None:
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaTypeError(
            "Compressed bodies are not taken.", field="Content-Encoding", value=coding, remedy="Send it uncompressed."
        )


def _takes_list(annotation: Any) -> bool:
    if get_origin(annotation) is list:
        return True
    return any(_takes_list(argument) for argument in get_args(annotation))


class _QueryReader:
    """Turns a query string into the plain data that its model checks."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model
        self.lists = {
            field.alias or name for name, field in model.model_fields.items() if _takes_list(field.annotation)
        }

    def read(self, arguments: MultiDict[str, str]) -> BaseModel:
        values: dict[str, Any] = {}
        for name, given in arguments.lists():
            if name in self.lists:
                values[name] = given
            elif len(given) == 1:
                values[name] = given[0]
            else:
                raise InvalidRequestError(
                    [Fault("This parameter is given more than once.", name, given, "Give it once.")]
                )
        return _check(self.model, values, root="query")


def _check(model: type[BaseModel], values: Any, *, root: str) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidRequestError(faults_of(error, root=root)) from None


def _no_query(arguments: Mapping[str, str]) -> None:
    for name in arguments:
        raise InvalidRequestError(
            [Fault("This address takes no such parameter.", name, arguments[name], "Remove it, or correct its name.")]
        )


def validated(function: Callable[P, R]) -> Callable[..., R]:
    """Check path, query and body of a route against the models of its arguments of these names.

    A body model with `plain = True` only describes: the route gets the JSON value as it is, and checks it itself. A
    body of the media type `streamed` is not read here; the route gets `STREAMED` and reads it as it comes.

    Raises:
        InvalidRequestError: Something does not fit its model.
        MalformedBodyError: The body is not JSON.
        UnsupportedMediaTypeError: The body is of another type.
    """
    hints = get_type_hints(function)
    path_model: type[BaseModel] | None = hints.get("path")
    body_model: type[BaseModel] | None = hints.get("body")
    is_plain = getattr(body_model, "plain", False)
    streamed = getattr(body_model, "streamed", None)
    query = _QueryReader(hints["query"]) if "query" in hints else None

    @wraps(function)
    def check(**parts: Any) -> R:
        arguments: dict[str, Any] = {}
        if path_model is not None:
            arguments["path"] = _check(path_model, parts, root="path")
        if query is not None:
            arguments["query"] = query.read(request.args)
        elif request.args:
            _no_query(request.args)
        if body_model is not None:
            if streamed is not None and request.mimetype == streamed:
                _check_coding()
                arguments["body"] = STREAMED
                return function(**arguments)  # type: ignore[call-arg]
            plain = read_json_body()
            arguments["body"] = plain if is_plain else _check(body_model, plain, root="body")
        return function(**arguments)  # type: ignore[call-arg]

    # Tells flask-openapi3 to leave the check to this function.
    check.__delay_validate_request__ = True  # type: ignore[attr-defined]
    return check
