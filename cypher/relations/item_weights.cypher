// purpose: Give what every item is about
// returns: interests LIST<STRING>, weights LIST<FLOAT>; items that are about nothing are left out
// mode: read
MATCH (i:Item)
CALL (i) {
  MATCH (i)-[r:ABOUT]->(x:Interest)
  RETURN collect(x.id) AS interests, collect(r.weight) AS weights
}
WITH interests, weights
WHERE size(interests) > 0
RETURN interests, weights
