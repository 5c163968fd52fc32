// purpose: Give what an answer needs of a user: latest steps, interests as of a time, items dealt with and disliked
// param: user_id STRING
// param: types LIST<STRING>, types that are steps
// param: limit INTEGER, steps
// param: at INTEGER, epoch ms
// param: half_life_ms FLOAT, of interests
// param: with_seen BOOLEAN, whether to give the items dealt with
// returns: known BOOLEAN, history LIST<LIST> of item id, type, at, newest first, interests LIST<LIST> of id, source, value, seen LIST<STRING>, disliked LIST<STRING>
// mode: read
CALL () {
  MATCH (e:Event {user_id: $user_id}) USING INDEX e:Event(user_id, at)
  WHERE e.at >= 0 AND e.item_id IS NOT NULL AND e.type IN $types
  WITH e ORDER BY e.user_id DESC, e.at DESC, e.id DESC LIMIT $limit
  RETURN collect([e.item_id, e.type, e.at]) AS history
}
CALL () {
  MATCH (:User {id: $user_id})-[r:INTERESTED_IN]->(x:Interest)
  WHERE r.weight > 0
  RETURN collect([x.id, r.source,
    CASE r.source
      WHEN 'behaviour' THEN
        r.weight * 2.0 ^ ((r.updated_at - CASE WHEN r.updated_at > $at THEN r.updated_at ELSE $at END) / $half_life_ms)
      ELSE r.weight
    END]) AS interests
}
CALL () {
  MATCH (:User {id: $user_id})-[r:INTERACTED]->(i:Item)
  WITH i, sum(r.weight) AS mass
  RETURN collect(i.id) AS touched, collect(CASE WHEN mass < 0 THEN i.id END) AS disliked
}
RETURN EXISTS { (:User {id: $user_id}) } AS known, history, interests,
  CASE WHEN $with_seen THEN touched ELSE [] END AS seen, disliked
