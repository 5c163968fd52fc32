// purpose: Sum the CO_OCCURS rows of items, as of a time
// param: ids LIST<STRING>
// param: as_of INTEGER, epoch ms
// param: half_life_ms FLOAT
// returns: id STRING, mass FLOAT
// mode: read
UNWIND $ids AS id
MATCH (:Item {id: id})-[r:CO_OCCURS]->()
RETURN id, sum(r.weight * 2.0 ^ ((coalesce(r.updated_at, $as_of) - $as_of) / $half_life_ms)) AS mass
