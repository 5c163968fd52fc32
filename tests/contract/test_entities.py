from __future__ import annotations

import threading
from typing import Any

import pytest

from engine.errors import InvalidInputError, NotFoundError, UnknownReferenceError
from engine.graph.entities import (
    About,
    Follow,
    Interest,
    Item,
    StoredItem,
    StoredUser,
    Upserted,
    User,
    delete_follow,
    get_item,
    get_items,
    get_user,
    list_interests,
    list_items,
    list_users,
    patch_item,
    patch_user,
    set_follows,
    upsert_interests,
    upsert_items,
    upsert_users,
)
from engine.graph.store import GraphStore

MILK = Item(
    "milk",
    title="Fluid Milk",
    attributes={"price": 1.5, "organic": True, "sizes": ["1 l", "2 l"], "stock": 3},
    about=(About("category", "Dairy", 3), About("brand", "Farm", 1)),
    created_at=500,
)


def value(store: GraphStore, text: str, **parameters: Any) -> Any:
    return store.read_transaction(lambda tx: tx.run_text(text, **parameters).single(strict=True)[0])


def test_an_item_comes_back_as_it_was_put(store: GraphStore) -> None:
    assert upsert_items(store, [MILK], at=1_000) == Upserted(created=1)
    assert get_item(store, "milk") == StoredItem(
        "milk",
        title="Fluid Milk",
        attributes={"organic": True, "price": 1.5, "sizes": ["1 l", "2 l"], "stock": 3},
        about=(About("category", "Dairy", 0.75), About("brand", "Farm", 0.25)),
        available=True,
        created_at=500,
        updated_at=1_000,
    )
    assert list_interests(store) == [
        Interest("brand:farm", "brand", "Farm"),
        Interest("category:dairy", "category", "Dairy"),
    ]


def test_the_same_item_again_changes_nothing(store: GraphStore) -> None:
    upsert_items(store, [MILK], at=1_000)
    assert upsert_items(store, [MILK], at=2_000) == Upserted(unchanged=1)
    assert get_item(store, "milk").updated_at == 1_000


@pytest.mark.parametrize(
    "changed",
    [
        Item("milk", title="Milk", attributes=MILK.attributes, about=MILK.about),
        Item("milk", attributes=MILK.attributes, about=MILK.about),
        Item("milk", title=MILK.title, attributes={**MILK.attributes, "price": "1.5"}, about=MILK.about),
        Item("milk", title=MILK.title, attributes={"price": 1.5}, about=MILK.about),
        Item("milk", title=MILK.title, attributes=MILK.attributes, about=MILK.about[:1]),
        Item("milk", title=MILK.title, attributes=MILK.attributes, about=(*MILK.about, About("tag", "new"))),
        Item("milk", title=MILK.title, attributes=MILK.attributes, about=MILK.about, available=False),
        Item("milk", title=MILK.title, attributes=MILK.attributes, about=MILK.about, created_at=501),
    ],
    ids=["title", "no title", "type of attribute", "attributes gone", "about gone", "about added", "gone", "made"],
)
def test_any_difference_replaces_the_content(store: GraphStore, changed: Item) -> None:
    upsert_items(store, [MILK], at=1_000)
    assert upsert_items(store, [changed], at=2_000) == Upserted(changed=1)
    found = get_item(store, "milk")
    total = sum(about.weight for about in changed.about)
    assert found.title == changed.title
    assert found.attributes == changed.attributes
    assert found.available == changed.available
    assert {about.id: about.weight for about in found.about} == pytest.approx(
        {about.id: about.weight / total for about in changed.about}
    )
    assert found.created_at == (changed.created_at or 500)
    assert found.updated_at == 2_000


def test_what_the_engine_wrote_stays_when_an_item_is_replaced(store: GraphStore) -> None:
    upsert_items(store, [MILK], at=1_000)
    kept = {"embedding_v20260131120000": [0.5], "embedded_at_v20260131120000": 7, "popularity": 2.0, "edges_at": 9}
    store.write_transaction(lambda tx: tx.run_text("MATCH (i:Item) SET i += $kept", kept=kept).consume())
    upsert_items(store, [Item("milk")], at=2_000)
    assert value(store, "MATCH (i:Item) RETURN i {.*}") == {
        "id": "milk",
        "available": True,
        "created_at": 500,
        "updated_at": 2_000,
        **kept,
    }
    assert get_item(store, "milk").attributes == {}


def test_an_item_that_an_event_had_made_gets_its_content(store: GraphStore) -> None:
    store.write("events/create_items", items=["milk"], now=900)
    assert get_item(store, "milk").updated_at is None
    assert upsert_items(store, [Item("milk")], at=1_000) == Upserted(changed=1)
    assert get_item(store, "milk").created_at == 900


def test_many_items_in_small_batches(store: GraphStore) -> None:
    items = [Item(f"i{number:03d}", about=[About("tag", f"t{number % 7}")]) for number in range(250)]
    told: list[int] = []
    assert upsert_items(store, reversed(items), batch_size=100, progress=told.append) == Upserted(created=250)
    assert told == [100, 200, 250]
    assert upsert_items(store, items, batch_size=90) == Upserted(unchanged=250)


def test_of_an_id_twice_in_a_batch_the_last_counts(store: GraphStore) -> None:
    upsert_items(store, [Item("milk", title="old"), Item("milk", title="new")])
    assert get_item(store, "milk").title == "new"


def test_interests_named_twice_are_added_up(store: GraphStore) -> None:
    upsert_items(store, [Item("milk", about=[About("tag", "Fresh"), About("tag", " fresh "), About("tag", "cold", 2)])])
    assert [(about.id, about.weight) for about in get_item(store, "milk").about] == [
        ("tag:cold", 0.5),
        ("tag:fresh", 0.5),
    ]


def test_two_importers_of_the_same_items_at_once_agree(store: GraphStore) -> None:
    items = [Item(f"i{number}", about=[About("tag", f"t{number % 3}")]) for number in range(60)]
    found: list[Upserted] = []
    threads = [
        threading.Thread(target=lambda rows=rows: found.append(upsert_items(store, rows, batch_size=20)))
        for rows in (items, list(reversed(items)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts.created for counts in found) == 60
    assert value(store, "MATCH (:Item)-[r:ABOUT]->() RETURN count(r)") == 60


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (Item(""), "id"),
        (Item("x" * 10_000), "id"),
        (Item("a\nb"), "id"),
        (Item("a", title="x\x00"), "title"),
        (Item("a", attributes={"embedding_v1": 1}), "attributes.embedding_v1"),
        (Item("a", attributes={"popularity": 1}), "attributes.popularity"),
        (Item("a", attributes={"n}) DETACH DELETE (m": 1}), "attributes"),
        (Item("a", attributes={"price": float("nan")}), "attributes.price"),
        (Item("a", attributes={"price": 2**63}), "attributes.price"),
        (Item("a", about=[About("tag", "b", -1)]), "about[0].weight"),
        (Item("a", about=[About("tag", "b", float("inf"))]), "about[0].weight"),
        (Item("a", about=[About("tag", "")]), "about[0].name"),
    ],
)
def test_bad_items_are_named_and_nothing_is_written(store: GraphStore, item: Item, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        upsert_items(store, [Item("good"), item])
    assert caught.value.field == field
    assert list_items(store) == []


def test_a_patch_changes_what_it_names(store: GraphStore) -> None:
    upsert_items(store, [MILK], at=1_000)
    found = patch_item(store, "milk", attributes={"price": None, "fat": 3.5}, available=False, at=2_000)
    assert found == get_item(store, "milk")
    assert found.title == "Fluid Milk"
    assert found.attributes == {"organic": True, "sizes": ["1 l", "2 l"], "stock": 3, "fat": 3.5}
    assert [about.id for about in found.about] == ["category:dairy", "brand:farm"]
    assert (found.available, found.created_at, found.updated_at) == (False, 500, 2_000)
    assert patch_item(store, "milk", title=None, about=[]).about == ()
    assert patch_item(store, "milk").updated_at == get_item(store, "milk").updated_at


def test_two_patches_at_once_both_count(store: GraphStore) -> None:
    upsert_items(store, [Item("milk")])
    threads = [
        threading.Thread(target=lambda n=n: patch_item(store, "milk", attributes={f"a{n}": n})) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert get_item(store, "milk").attributes == {f"a{n}": n for n in range(6)}


def test_what_is_not_there_is_said_to_be_so(store: GraphStore) -> None:
    with pytest.raises(NotFoundError) as item:
        get_item(store, "milk")
    with pytest.raises(NotFoundError):
        patch_item(store, "milk", title="x")
    with pytest.raises(NotFoundError) as user:
        patch_user(store, "ann", attributes={})
    assert (item.value.field, user.value.field) == ("item_id", "user_id")
    upsert_items(store, [Item("a")])
    assert list(get_items(store, ["b", "a"])) == ["a"]


def test_users_are_put_patched_and_read(store: GraphStore) -> None:
    assert upsert_users(store, [User("ann", {"age": 30}, created_at=5), User("bob")], at=10) == Upserted(created=2)
    assert upsert_users(store, [User("ann", {"age": 30}), User("bob", {"x": 1})], at=20) == Upserted(1 - 1, 1, 1)
    assert get_user(store, "ann") == StoredUser("ann", {"age": 30}, created_at=5, updated_at=10)
    assert patch_user(store, "ann", attributes={"age": None, "town": "Bern"}, at=30).attributes == {"town": "Bern"}
    assert upsert_users(store, [User("ann")], at=40) == Upserted(changed=1)
    assert get_user(store, "ann").attributes == {}


def test_pages_go_on_where_the_last_one_ended(store: GraphStore) -> None:
    ids = sorted(f"u{number}" for number in range(25))
    upsert_users(store, [User(name) for name in ids])
    found: list[str] = []
    after = None
    while page := list_users(store, limit=10, after=after):
        found += [user.id for user in page]
        after = page[-1].id
    assert found == ids
    with pytest.raises(InvalidInputError):
        list_users(store, limit=100_000)


def test_interests_can_be_put_by_themselves(store: GraphStore) -> None:
    assert upsert_interests(store, [Interest("tag:a", "tag", "A"), Interest("tag:b", "tag", "B")]) == Upserted(
        created=2
    )
    assert upsert_interests(store, [Interest("tag:a", "tag", "A!"), Interest("tag:b", "tag", "B")]) == Upserted(0, 1, 1)
    assert list_interests(store, limit=1, after="tag:a") == [Interest("tag:b", "tag", "B")]


def test_follows_are_set_and_ended(store: GraphStore) -> None:
    upsert_users(store, [User("ann"), User("bob")])
    assert set_follows(store, [Follow("ann", "bob", 0.5)]) == 1
    assert set_follows(store, [Follow("ann", "bob", 0.7)]) == 1
    assert store.read("social/following", id="ann", after="", limit=5) == [{"id": "bob", "weight": 0.7}]
    assert delete_follow(store, "ann", "bob") is True
    assert delete_follow(store, "ann", "bob") is False


def test_links_to_unknown_users_are_refused_or_make_them(store: GraphStore) -> None:
    upsert_users(store, [User("ann")])
    with pytest.raises(UnknownReferenceError) as caught:
        set_follows(store, [Follow("ann", "bob")])
    assert caught.value.value == "bob"
    assert set_follows(store, [Follow("ann", "bob")], create_missing=True) == 1
    with pytest.raises(InvalidInputError):
        set_follows(store, [Follow("ann", "ann")])
