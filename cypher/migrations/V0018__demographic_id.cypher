// purpose: Identity of groups of users with the same attribute
// returns: nothing
// mode: write
CREATE CONSTRAINT demographic_id IF NOT EXISTS FOR (d:Demographic) REQUIRE d.id IS UNIQUE
