// purpose: Identity of Item
// returns: nothing
// mode: write
CREATE CONSTRAINT item_id IF NOT EXISTS FOR (n:Item) REQUIRE n.id IS UNIQUE
