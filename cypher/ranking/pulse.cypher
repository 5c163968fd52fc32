// purpose: Tell what may have moved since the last look: edges, resemblances, groups of users, active version, vectors, items, interests
// param: since INTEGER, epoch ms; changes of content are listed from then on
// returns: now INTEGER epoch ms, as_of INTEGER, folded_at INTEGER, inferred_at INTEGER, resembling_at INTEGER, resembling_basis STRING, demographics_at INTEGER, version STRING, dim INTEGER, vectors_at INTEGER, changed LIST<LIST> of item id, updated_at
// mode: read
OPTIONAL MATCH (c:State {id: 'co_occurrence'})
OPTIONAL MATCH (n:State {id: 'inferred_edges'})
OPTIONAL MATCH (m:State {id: 'resemblance'})
OPTIONAL MATCH (d:State {id: 'demographics'})
OPTIONAL MATCH (a:State {id: 'active_version'})
OPTIONAL MATCH (v:EmbeddingVersion {id: a.version})
CALL () {
  MATCH (i:Item)
  WHERE i.updated_at >= $since
  RETURN collect([i.id, i.updated_at]) AS changed
}
RETURN timestamp() AS now, c.as_of AS as_of, c.folded_at AS folded_at, n.stamp AS inferred_at, m.stamp AS resembling_at, m.basis AS resembling_basis,
  d.stamp AS demographics_at, v.id AS version, v.dim AS dim, v.vectors_at AS vectors_at, changed
