// purpose: Set relationships of a locked user to what the events say
// param: user_id STRING
// param: interacted LIST<MAP> of item_id, event, properties MAP or null to delete it
// param: interested LIST<MAP> of interest_id, properties MAP or null to delete it
// param: follows LIST<MAP> of user_id, count, moved
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
MATCH (u:User {id: $user_id})
SET u.events_at = $now
WITH u
CALL (u) {
  UNWIND $interacted AS row
  MATCH (i:Item {id: row.item_id})
  CALL (u, i, row) {
    MATCH (u)-[r:INTERACTED {event: row.event}]->(i)
    DELETE r
  }
  FOREACH (properties IN CASE WHEN row.properties IS NULL THEN [] ELSE [row.properties] END |
    CREATE (u)-[r:INTERACTED]->(i) SET r = properties
  )
}
CALL (u) {
  UNWIND $interested AS row
  MATCH (x:Interest {id: row.interest_id})
  CALL (u, x) {
    MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->(x)
    DELETE r
  }
  FOREACH (properties IN CASE WHEN row.properties IS NULL THEN [] ELSE [row.properties] END |
    CREATE (u)-[r:INTERESTED_IN]->(x) SET r = properties
  )
}
CALL (u) {
  UNWIND $follows AS row
  MATCH (v:User {id: row.user_id})
  MERGE (u)-[r:FOLLOWS]->(v)
  SET r.count = row.count, r.moved = row.moved, r.weight = coalesce(r.given, 0.0) + row.moved
}
