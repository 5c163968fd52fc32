// purpose: Take an event of following out of who follows whom, both users locked before
// param: source STRING
// param: target STRING
// param: weight FLOAT, strength of the event
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
MATCH (u:User {id: $source})-[r:FOLLOWS]->(:User {id: $target})
WHERE r.count IS NOT NULL
SET u.events_at = $now
WITH r, r.count <= 1 AS last, r.given IS NULL AS by_events
FOREACH (left IN CASE WHEN last AND NOT by_events THEN [r] ELSE [] END |
  SET left += {weight: left.given, given: null, moved: null, count: null}
)
FOREACH (left IN CASE WHEN last THEN [] ELSE [r] END |
  SET left += {weight: left.weight - $weight, moved: left.moved - $weight, count: left.count - 1}
)
FOREACH (gone IN CASE WHEN last AND by_events THEN [r] ELSE [] END | DELETE gone)
