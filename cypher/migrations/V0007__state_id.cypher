// purpose: Identity of State
// returns: nothing
// mode: write
CREATE CONSTRAINT state_id IF NOT EXISTS FOR (n:State) REQUIRE n.id IS UNIQUE
