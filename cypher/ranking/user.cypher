// purpose: Give what an answer needs of a user: latest steps, interests as of a time, items dealt with, disliked, hidden and shown
// param: user_id STRING
// param: types LIST<STRING>, types that are steps
// param: limit INTEGER, steps
// param: scan INTEGER, events looked through for them
// param: at INTEGER, epoch ms
// param: half_life_ms FLOAT, of interests
// param: with_seen BOOLEAN, whether to give the items dealt with
// param: unseen LIST<STRING>, types after which an item counts as not dealt with
// param: impression STRING, type that says that an item was shown
// param: shown_since INTEGER, epoch ms, time up to which impressions do not count
// param: shown_half_life_ms FLOAT, of impressions
// param: hide STRING, type that says that an item is not wanted for a while
// param: hidden_since INTEGER, epoch ms, time up to which that does not count
// returns: known BOOLEAN, history LIST<LIST> of item id, type, at, newest first, interests LIST<LIST> of id, source, value, seen LIST<STRING>, disliked LIST<STRING>, hidden LIST<STRING>, shown LIST<LIST> of item id, mass, count, time of the first
// mode: read
CALL () {
  MATCH (e:Event {user_id: $user_id}) USING INDEX e:Event(user_id, at)
  WHERE e.at >= 0
  WITH e ORDER BY e.user_id DESC, e.at DESC, e.id DESC LIMIT $scan
  WHERE e.item_id IS NOT NULL AND e.type IN $types
  WITH e LIMIT $limit
  RETURN collect([e.item_id, e.type, e.at]) AS history
}
CALL () {
  MATCH (:User {id: $user_id})-[r:INTERESTED_IN]->(x:Interest)
  WHERE r.weight > 0
  WITH x, r.source AS source, CASE r.source
    WHEN 'behaviour' THEN
      r.weight * 2.0 ^ ((r.updated_at - CASE WHEN r.updated_at > $at THEN r.updated_at ELSE $at END) / $half_life_ms)
    ELSE r.weight
  END AS value
  // What behaviour has made of an interest counts for the wider ones that it is part of.
  MATCH path = (x)-[:PART_OF*0..8]->(y:Interest)
  WHERE x = y OR source = 'behaviour'
  WITH x, y, source, value, max(reduce(part = 1.0, step IN relationships(path) | part * coalesce(step.weight, 1.0))) AS part
  WITH y.id AS id, source, sum(value * part) AS value
  RETURN collect([id, source, value]) AS interests
}
CALL () {
  MATCH (:User {id: $user_id})-[r:INTERACTED]->(i:Item)
  WITH i,
    sum(CASE WHEN r.event = $hide THEN 0.0 ELSE r.weight END) AS mass,
    count(CASE WHEN NOT r.event IN $unseen THEN 1 END) > 0 AS touched,
    max(CASE WHEN r.weight > 0 THEN r.last_at END) AS liked_at,
    max(CASE WHEN r.event = $hide AND r.last_at > $hidden_since THEN r.last_at END) AS hidden_at,
    head(collect(CASE WHEN r.event = $impression AND r.last_at > $shown_since THEN r.times END)) AS times
  WITH i, mass, touched, hidden_at, liked_at,
    [time IN times WHERE time > $shown_since AND (liked_at IS NULL OR time > liked_at)] AS times
  RETURN collect(CASE WHEN touched THEN i.id END) AS touched,
    collect(CASE WHEN mass < 0 THEN i.id END) AS disliked,
    collect(CASE WHEN hidden_at IS NOT NULL AND (liked_at IS NULL OR liked_at <= hidden_at) THEN i.id END) AS hidden,
    collect(CASE WHEN size(times) > 0 THEN [
      i.id,
      reduce(sum = 0.0, time IN times | sum + CASE WHEN time < $at THEN 2.0 ^ ((time - $at) / $shown_half_life_ms) ELSE 1.0 END),
      size(times),
      times[0]
    ] END) AS shown
}
RETURN EXISTS { (:User {id: $user_id}) } AS known, history, interests,
  CASE WHEN $with_seen THEN touched ELSE [] END AS seen, disliked, hidden, shown
