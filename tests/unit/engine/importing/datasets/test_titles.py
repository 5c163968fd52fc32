from __future__ import annotations

import pytest

from engine.importing.datasets.titles import product_title, product_type_name, readable


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("FRZN ICE", "frozen ice"),
        ("FLUID MILK WHITE ONLY", "fluid milk white only"),
        ("BAKED BREAD/BUNS/ROLLS", "baked bread/buns/rolls"),
        ("SANDWICHES&HANDHELDS", "sandwiches & handhelds"),
        ("MEAT:HAM BULK", "meat: ham bulk"),
        ("CHEESE CRACKERS (CHEEZ-ITS/GOL", "cheese crackers"),
        ("RTS SOUP: CHUNKY/HOMESTYLE ET", "ready to serve soup: chunky/homestyle"),
        ("POTATOES RUSSET (BULK&BAG)", "potatoes russet (bulk & bag)"),
        ("MARGARINE  STICK", "margarine stick"),
        ("", ""),
    ],
)
def test_names_are_made_readable(text: str, name: str) -> None:
    assert readable(text) == name


def test_a_bare_type_takes_its_category() -> None:
    assert product_type_name("PREMIUM", "ICE CREAM/MILK/SHERBTS") == "ice cream/milk/sherbets: premium"
    assert product_type_name("PREMIUM BREAD", "BAKED BREAD/BUNS/ROLLS") == "premium bread"
    assert product_type_name("PREMIUM", "") == "premium"


def test_titles() -> None:
    assert product_title("CREAM CHEESE", "CHEESE", "store brand", "8 OZ") == "Cream cheese, store brand, 8 oz"
    assert product_title("", "EGGS", "brand 7", "") == "Eggs, brand 7"
    assert product_title("", "", "brand 7", "1  LB") == "Product, brand 7, 1 lb"
