// purpose: Identity of ApiKey
// returns: nothing
// mode: write
CREATE CONSTRAINT api_key_id IF NOT EXISTS FOR (n:ApiKey) REQUIRE n.id IS UNIQUE
