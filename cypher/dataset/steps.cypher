// purpose: Give the steps of every user's sequence, oldest first, one row a user; the index gives the order
// param: types LIST<STRING>, the types that are steps
// returns: user_id STRING, items LIST<STRING>, types LIST<STRING>, times LIST<INTEGER> epoch ms
// mode: read
MATCH (e:Event)
WHERE e.user_id IS NOT NULL AND e.at IS NOT NULL AND e.type IN $types AND e.item_id IS NOT NULL
WITH e ORDER BY e.user_id, e.at, e.id
RETURN e.user_id AS user_id, collect(e.item_id) AS items, collect(e.type) AS types, collect(e.at) AS times
