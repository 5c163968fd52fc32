// purpose: Set the topic of items; it takes a part of their ABOUT weights, which sum to 1 as before
// param: run STRING
// param: rows LIST<MAP> of id, topic STRING or null; sorted by id
// param: part FLOAT, of the topic
// param: at INTEGER, epoch ms
// returns: changed INTEGER; no row where another run has begun
// mode: write
MATCH (s:State {id: 'topics'})
SET s.id = 'topics'
WITH s WHERE s.run = $run
CALL () {
  UNWIND $rows AS row
  MATCH (i:Item {id: row.id})
  SET i.id = row.id
  WITH i, row
  CALL (i) {
    OPTIONAL MATCH (i)-[r:ABOUT]->(x:Interest)
    WHERE coalesce(r.source, '') <> 'clusters'
    RETURN collect(r) AS others, collect(x.id) AS others_of, sum(coalesce(r.given, r.weight)) AS total
  }
  CALL (i) {
    OPTIONAL MATCH (i)-[r:ABOUT {source: 'clusters'}]->(x:Interest)
    RETURN collect(r) AS old, [pair IN collect([x.id, r.weight]) WHERE pair[0] IS NOT NULL] AS old_of
  }
  // An item that was given this topic as its own keeps it so.
  WITH i, others, total, old, old_of, CASE WHEN row.topic IN others_of THEN null ELSE row.topic END AS topic
  WITH i, others, total, old, old_of, topic,
    CASE WHEN topic IS NULL THEN 0.0 WHEN total > 0 THEN $part ELSE 1.0 END AS part
  WITH i, others, total, old, topic, part,
    CASE WHEN topic IS NULL THEN size(old) > 0 ELSE NOT [topic, part] IN old_of END AS changed
  WHERE changed
  FOREACH (r IN old | DELETE r)
  FOREACH (r IN others |
    SET r.given = coalesce(r.given, r.weight)
    SET r.weight = r.given / total * (1.0 - part)
  )
  SET i.updated_at = $at
  WITH i, topic, part
  CALL (i, topic, part) {
    WITH i, topic, part WHERE topic IS NOT NULL
    MATCH (x:Interest {id: topic})
    CREATE (i)-[:ABOUT {source: 'clusters', weight: part}]->(x)
  }
  RETURN count(i) AS changed
}
RETURN changed
