// purpose: Identity of Interest
// returns: nothing
// mode: write
CREATE CONSTRAINT interest_id IF NOT EXISTS FOR (n:Interest) REQUIRE n.id IS UNIQUE
