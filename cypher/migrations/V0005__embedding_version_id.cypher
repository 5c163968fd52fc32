// purpose: Identity of EmbeddingVersion
// returns: nothing
// mode: write
CREATE CONSTRAINT embedding_version_id IF NOT EXISTS FOR (n:EmbeddingVersion) REQUIRE n.id IS UNIQUE
