// purpose: Replace how some interests are related to others, as counted; relationships of other sources stay
// param: run STRING, the count that these are of
// param: at INTEGER, epoch ms
// param: rows LIST<MAP> of source, related LIST<LIST> of target, weight, by_users, by_items, users, items; sorted by source
// returns: written INTEGER; no row where another count has begun
// mode: write
MATCH (s:State {id: 'relations'})
// The write takes the lock: batches are serial, and no other count can begin below.
SET s.id = 'relations'
WITH s WHERE s.run = $run
CALL () {
  UNWIND $rows AS row
  MATCH (x:Interest {id: row.source})
  CALL (x, row) {
    MATCH (x)-[old:RELATED_TO {source: 'shared'}]->(y:Interest)
    WHERE NOT y.id IN [entry IN row.related | entry[0]]
    DELETE old
  }
  CALL (x, row) {
    UNWIND row.related AS entry
    MATCH (y:Interest {id: entry[0]})
    MERGE (x)-[r:RELATED_TO {source: 'shared'}]->(y)
    SET r.weight = entry[1], r.by_users = entry[2], r.by_items = entry[3], r.users = entry[4], r.items = entry[5],
      r.run = $run, r.updated_at = $at
    RETURN count(r) AS written
  }
  RETURN sum(written) AS written
}
RETURN written
