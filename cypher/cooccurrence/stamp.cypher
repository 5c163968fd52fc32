// purpose: Stamp the items whose row changed and move their popularity
// param: rows LIST<MAP> of id, full (whether the row has edges enough to be cut), weight and at of the popularity that is added, both null for none
// param: stamp INTEGER
// param: half_life_ms FLOAT
// returns: items INTEGER
// mode: write
UNWIND $rows AS row
MATCH (i:Item {id: row.id})
SET i.edges_at = $stamp, i.edges_cut = CASE WHEN row.full THEN true ELSE i.edges_cut END
WITH i, row, CASE WHEN row.at IS NULL OR i.popularity_at > row.at THEN i.popularity_at ELSE row.at END AS latest
WITH i, row, latest, row.weight * 2.0 ^ ((row.at - latest) / $half_life_ms)
  + coalesce(i.popularity * 2.0 ^ ((i.popularity_at - latest) / $half_life_ms), 0.0) AS popularity
FOREACH (_ IN CASE WHEN row.at IS NULL THEN [] ELSE [1] END |
  SET i += {popularity: CASE WHEN popularity > 0 THEN popularity ELSE 0.0 END, popularity_at: latest}
)
RETURN count(i) AS items
