// purpose: Give what users gave an interest by way of items, by bucket of time
// param: items LIST<LIST> of id and weight
// param: types MAP of half_life_ms and strength by type; strength null where it differs from event to event
// param: at INTEGER, epoch ms; later events do not count
// param: start INTEGER, epoch ms, of the first bucket
// param: bucket_ms INTEGER
// param: short_ms FLOAT, half-life
// param: long_ms FLOAT, half-life
// returns: bucket INTEGER, -1 for what was before the first, events INTEGER, added FLOAT, short FLOAT and long FLOAT, decayed to the bucket's end
// mode: read
UNWIND $items AS item
MATCH (i:Item {id: item[0]})<-[r:INTERACTED]-(:User)
WHERE $types[r.event] IS NOT NULL
WITH item[1] AS weight, r.times AS times, CASE
  WHEN $types[r.event].strength IS NOT NULL THEN $types[r.event].strength
  ELSE r.weight / reduce(sum = 0.0, t IN r.times | sum + 2.0 ^ ((t - r.updated_at) / $types[r.event].half_life_ms))
END AS strength
UNWIND times AS t
WITH weight * strength AS gave, t
WHERE t <= $at
WITH gave, t, CASE WHEN t < $start THEN -1 ELSE (t - $start) / $bucket_ms END AS bucket
WITH gave, t, bucket, $start + (bucket + 1) * $bucket_ms AS whole
WITH gave, bucket, t - CASE WHEN whole > $at THEN $at ELSE whole END AS since
RETURN bucket, count(*) AS events, sum(gave) AS added,
  sum(gave * 2.0 ^ (since / $short_ms)) AS short, sum(gave * 2.0 ^ (since / $long_ms)) AS long
