// purpose: Give the inferred edges of every item that has some
// returns: id STRING, targets LIST<STRING>, weights LIST<FLOAT> root-scaled, certainties LIST<FLOAT>, times LIST<INTEGER> epoch ms at which each weight stands
// mode: read
MATCH (i:Item)-[r:MAY_CO_OCCUR]->(j:Item)
RETURN i.id AS id, collect(j.id) AS targets, collect(r.weight) AS weights, collect(r.certainty) AS certainties,
  collect(r.updated_at) AS times
