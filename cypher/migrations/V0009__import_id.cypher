// purpose: Identity of Import
// returns: nothing
// mode: write
CREATE CONSTRAINT import_id IF NOT EXISTS FOR (n:Import) REQUIRE n.id IS UNIQUE
