// purpose: Make the interests of topics
// param: run STRING
// param: rows LIST<MAP> of id, name; sorted by id
// returns: topics INTEGER; no row where another run has begun
// mode: write
MATCH (s:State {id: 'topics'})
SET s.id = 'topics'
WITH s WHERE s.run = $run
CALL () {
  UNWIND $rows AS row
  MERGE (x:Interest {id: row.id})
    ON CREATE SET x.kind = 'topic', x.name = row.name, x.source = 'clusters'
  RETURN count(x) AS topics
}
RETURN topics
