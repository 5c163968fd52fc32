"""Items."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import cursors, spec
from api.answers import answer, no_content
from api.auth import needs, security
from api.blueprints.support import container
from api.keys import Scope
from api.schemas.common import PageQuery
from api.schemas.items import AboutBody, ItemAnswer, ItemBody, ItemPatch, ItemPath, ItemsAnswer
from api.validation import validated
from engine.errors import NotFoundError
from engine.forgetting import forget_item
from engine.graph.entities import KEEP, About, Item, StoredItem, get_item, list_items, patch_item, upsert_items

blueprint = APIBlueprint("items", __name__, abp_tags=[spec.ITEMS])


def _plain(item: StoredItem) -> dict[str, Any]:
    about = [{"id": entry.id, **asdict(entry)} for entry in item.about]
    return {
        "id": item.id,
        "title": item.title,
        "attributes": dict(item.attributes),
        "about": about,
        "available": item.available,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "popularity": item.popularity,
        "popularity_at": item.popularity_at,
    }


def _about(entries: list[AboutBody]) -> tuple[About, ...]:
    return tuple(About(entry.kind, entry.name, entry.weight) for entry in entries)


@blueprint.get(
    "/v1/items",
    summary="List items",
    operation_id="listItems",
    security=security(Scope.READ),
    responses=spec.responses({200: ItemsAnswer}),
)
@needs(Scope.READ)
@validated
def index(query: PageQuery) -> Any:
    """By id, page by page."""
    after = cursors.decode(query.cursor, str)
    items = list_items(container().store(), limit=query.n, after=after[0] if after else None)
    following = cursors.encode([items[-1].id]) if len(items) == query.n else None
    return answer({"items": [_plain(item) for item in items], "next": following})


@blueprint.get(
    "/v1/items/<id:item_id>",
    summary="Read an item",
    operation_id="getItem",
    security=security(Scope.READ),
    responses=spec.responses({200: ItemAnswer}, 404),
)
@needs(Scope.READ)
@validated
def show(path: ItemPath) -> Any:
    """Title, attributes, what it is about, popularity."""
    return answer(_plain(get_item(container().store(), path.item_id)))


@blueprint.put(
    "/v1/items/<id:item_id>",
    summary="Make or replace an item",
    operation_id="putItem",
    security=security(Scope.WRITE),
    responses=spec.responses({200: ItemAnswer, 201: ItemAnswer}, body=True),
)
@needs(Scope.WRITE)
@validated
def put(path: ItemPath, body: ItemBody) -> Any:
    """Its behaviour and its place in the graph stay; a second time changes nothing."""
    store = container().store()
    item = Item(
        path.item_id,
        title=body.title,
        attributes=body.attributes,
        about=_about(body.about),
        available=body.available,
        created_at=body.created_at,
    )
    upserted = upsert_items(store, [item])
    stored = get_item(store, path.item_id, bookmarks=store.last_bookmarks())
    return answer(_plain(stored), 201 if upserted.created else 200)


@blueprint.patch(
    "/v1/items/<id:item_id>",
    summary="Change an item",
    operation_id="patchItem",
    security=security(Scope.WRITE),
    responses=spec.responses({200: ItemAnswer}, 404, body=True),
)
@needs(Scope.WRITE)
@validated
def patch(path: ItemPath, body: ItemPatch) -> Any:
    """What is not named stays."""
    given = body.model_fields_set
    stored = patch_item(
        container().store(),
        path.item_id,
        title=body.title if "title" in given else KEEP,
        attributes=body.attributes if "attributes" in given else KEEP,
        about=_about(body.about) if "about" in given else KEEP,
        available=body.available if "available" in given else KEEP,
    )
    return answer(_plain(stored))


@blueprint.delete(
    "/v1/items/<id:item_id>",
    summary="Delete an item",
    operation_id="deleteItem",
    security=security(Scope.WRITE),
    responses=spec.responses({204: None}, 404),
)
@needs(Scope.WRITE)
@validated
def delete(path: ItemPath) -> Any:
    """With its behaviour and its share of every count. To take it out of answers only, patch `available`."""
    if not forget_item(container().store(), container().settings, path.item_id):
        raise NotFoundError("There is no such item.", field="item_id", value=path.item_id)
    return no_content()
