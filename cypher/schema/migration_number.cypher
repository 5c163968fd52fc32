// purpose: Identity of Migration, which every migration needs before it
// returns: nothing
// mode: write
CREATE CONSTRAINT migration_number IF NOT EXISTS FOR (m:Migration) REQUIRE m.number IS UNIQUE
