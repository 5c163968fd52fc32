// purpose: Remove the node of a retired version
// param: id STRING
// returns: nothing
// mode: write
MATCH (v:EmbeddingVersion {id: $id, state: 'retired'})
DETACH DELETE v
