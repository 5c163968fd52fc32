// purpose: Identity of User
// returns: nothing
// mode: write
CREATE CONSTRAINT user_id IF NOT EXISTS FOR (n:User) REQUIRE n.id IS UNIQUE
