// purpose: Mark which interests of items are wider: those that another of the item's interests is part of
// param: ids LIST<STRING> items, sorted
// returns: changed INTEGER items marked otherwise than before, behind INTEGER of them that users have dealt with
// mode: write
UNWIND $ids AS id
MATCH (i:Item {id: id})
SET i.id = id
WITH i
CALL (i) {
  // From the item upwards: from a wide interest down there are many.
  OPTIONAL MATCH (i)-[:ABOUT]->(:Interest)-[:PART_OF*1..8]->(y:Interest)
  RETURN collect(DISTINCT y) AS above
}
CALL (i, above) {
  MATCH (i)-[r:ABOUT]->(x:Interest)
  WITH r, x IN above AS wider
  WHERE wider <> (r.wider IS NOT NULL)
  SET r.wider = CASE WHEN wider THEN true END
  RETURN count(r) AS marked
}
WITH i, marked WHERE marked > 0
RETURN count(i) AS changed, sum(CASE WHEN EXISTS { (i)<-[:INTERACTED]-() } THEN 1 ELSE 0 END) AS behind
