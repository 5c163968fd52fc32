// purpose: Tell which CO_OCCURS rows changed after a stamp, and give the popularity of their items
// param: stamp INTEGER
// returns: ids LIST<STRING>, stamps LIST<INTEGER>, popularities LIST<FLOAT>, times LIST<INTEGER> epoch ms at which each stands; 0 where there is none
// mode: read
MATCH (i:Item)
WHERE i.edges_at > $stamp
RETURN collect(i.id) AS ids, collect(i.edges_at) AS stamps, collect(coalesce(i.popularity, 0.0)) AS popularities,
  collect(coalesce(i.popularity_at, 0)) AS times
