// purpose: Read the CO_OCCURS row and the popularity of every item, as columns, one row an item
// returns: id STRING, cut BOOLEAN, popularity FLOAT or null, popularity_at INTEGER or null; target, weight (NaN for none), count, updated_at (0 for none) LIST of equal lengths
// mode: read
MATCH (i:Item)
CALL (i) {
  MATCH (i)-[r:CO_OCCURS]->(j)
  RETURN collect(coalesce(j.id, '')) AS target, collect(coalesce(r.weight, 0.0 / 0.0)) AS weight,
    collect(coalesce(r.count, 0)) AS count, collect(coalesce(r.updated_at, 0)) AS updated_at
}
RETURN i.id AS id, coalesce(i.edges_cut, false) AS cut, i.popularity AS popularity, i.popularity_at AS popularity_at,
  target, weight, count, updated_at
