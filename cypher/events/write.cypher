// purpose: Store new events and move the INTERACTED and INTERESTED_IN relationships of their users, each locked before
// param: users LIST<MAP>: id; unfolded and folded LIST<LIST> of events: id, type, item, at, value, at_given false or null, null or LIST of query, followed user, recommendation, context, interests, parts; items LIST<INTEGER> nodes; interactions MAP from node and event to LIST of node, event, times, weight, at, half-life in ms; touched LIST<INTEGER> nodes of interests; interests MAP from node to LIST of mass, at, count; newest INTEGER time of the newest of them or null
// param: interest_half_life_ms FLOAT
// param: times_kept INTEGER
// param: scanned INTEGER, the relationships that a user has for each item of the batch, up to which all of them are looked through
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
UNWIND $users AS row
MATCH (u:User {id: row.id})
SET u.events_at = $now
// Every property is named: a map from outside could set any, and everything read before would be kept aside for it.
FOREACH (event IN row.unfolded | CREATE (:Event:Unfolded {
  id: event[0], type: event[1], user_id: row.id, item_id: event[2], at: event[3], value: event[4], received_at: $now,
  at_given: event[5], query: event[6][0], followed_id: event[6][1], recommendation_id: event[6][2],
  context: event[6][3], interests: event[6][4], parts: event[6][5]
}))
FOREACH (event IN row.folded | CREATE (:Event {
  id: event[0], type: event[1], user_id: row.id, item_id: event[2], at: event[3], value: event[4], received_at: $now,
  at_given: event[5], query: event[6][0], followed_id: event[6][1], recommendation_id: event[6][2],
  context: event[6][3], interests: event[6][4], parts: event[6][5]
}))
WITH u, row
CALL (u, row) {
  CALL (u, row) {
    // One look through what a user has costs less than one for each item, unless the user has very much.
    CALL (u, row) {
      WITH u, row WHERE COUNT { (u)-[:INTERACTED]->() } <= $scanned * size(row.items)
      MATCH (u)-[r:INTERACTED]->(i)
      WHERE id(i) IN row.items
      RETURN r, id(i) AS node
      UNION ALL
      WITH u, row WHERE COUNT { (u)-[:INTERACTED]->() } > $scanned * size(row.items)
      UNWIND row.items AS node
      MATCH (i) WHERE id(i) = node
      // Optional: else the planner looks through what the user has, again for each item.
      OPTIONAL MATCH (u)-[r:INTERACTED]->(i)
      RETURN r, node
    }
    WITH r, toString(node) + ' ' + r.event AS key
    WITH r, key, row.interactions[key] AS move
    WHERE move IS NOT NULL
    WITH r, key, move, CASE WHEN r.updated_at > move[4] THEN r.updated_at ELSE move[4] END AS latest
    SET r += {
      count: r.count + size(move[2]),
      times: CASE
        WHEN move[2][0] >= r.last_at THEN (r.times + move[2])[-$times_kept..]
        ELSE reduce(times = r.times, time IN move[2] |
          [t IN times WHERE t <= time] + [time] + [t IN times WHERE t > time])[-$times_kept..]
      END,
      last_at: latest,
      weight: r.weight * 2.0 ^ ((r.updated_at - latest) / move[5]) + move[3] * 2.0 ^ ((move[4] - latest) / move[5]),
      updated_at: latest
    }
    RETURN collect(key) AS known
  }
  UNWIND keys(row.interactions) AS key
  WITH u, row, key WHERE NOT key IN known
  WITH u, row.interactions[key] AS move
  MATCH (i) WHERE id(i) = move[0]
  // No MERGE: it would lock the item, which many users share. The user's lock is enough.
  CREATE (u)-[:INTERACTED {
    event: move[1], count: size(move[2]), times: move[2][-$times_kept..], last_at: move[4], weight: move[3],
    updated_at: move[4]
  }]->(i)
}
WITH u, row
WHERE row.newest IS NOT NULL
// What is known of the user as a whole, as of the newest of both: at that time every part is summed up.
WITH u, row,
  CASE WHEN u.interest_mass_at IS NOT NULL THEN [u.interest_mass, u.interest_mass_at]
    ELSE reduce(sum = [0.0, 0], part IN COLLECT {
      MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->(:Interest)
      RETURN [r.weight, r.updated_at] ORDER BY r.updated_at
    } | [sum[0] * 2.0 ^ ((sum[1] - part[1]) / $interest_half_life_ms) + part[0], part[1]])
  END AS whole
WITH u, row, whole, CASE WHEN whole[1] > row.newest THEN whole[1] ELSE row.newest END AS newest
CALL (u, row, newest) {
  // One look over what the user has, instead of one for each interest touched.
  CALL (u, row, newest) {
    MATCH (u)-[r:INTERESTED_IN]->(x)
    WHERE id(x) IN row.touched AND r.source = 'behaviour'
    WITH id(x) AS node, r, newest, row.interests[toString(id(x))] AS move, r.weight AS old_weight, r.updated_at AS old_at
    WITH node, r, newest, move, old_weight, old_at, CASE WHEN old_at > move[1] THEN old_at ELSE move[1] END AS latest
    WITH node, r, newest, move, old_weight, old_at, latest,
      move[0] * 2.0 ^ ((move[1] - latest) / $interest_half_life_ms)
        + coalesce(r.mass, old_weight) * 2.0 ^ ((old_at - latest) / $interest_half_life_ms) AS mass
    WITH node, r, newest, move, old_weight, old_at, latest, mass, CASE WHEN mass > 0 THEN mass ELSE 0.0 END AS weight
    // Kept only where it says more than the weight: most relationships need a property record less.
    SET r.mass = CASE WHEN mass < 0 THEN mass END, r.weight = weight, r.count = coalesce(r.count, 0) + move[2], r.updated_at = latest
    RETURN collect(node) AS known, sum(weight * 2.0 ^ ((latest - newest) / $interest_half_life_ms)
      - old_weight * 2.0 ^ ((old_at - newest) / $interest_half_life_ms)) AS moved
  }
  CALL (u, row, newest, known) {
    UNWIND row.touched AS node
    WITH node WHERE NOT node IN known
    MATCH (x) WHERE id(x) = node
    WITH x, row.interests[toString(node)] AS move
    WITH x, move, CASE WHEN move[0] > 0 THEN move[0] ELSE 0.0 END AS weight
    CREATE (u)-[:INTERESTED_IN {
      source: 'behaviour', mass: CASE WHEN move[0] < 0 THEN move[0] END, weight: weight, count: move[2], updated_at: move[1]
    }]->(x)
    RETURN sum(weight * 2.0 ^ ((move[1] - newest) / $interest_half_life_ms)) AS made
  }
  RETURN moved + made AS gained
}
WITH u, newest, whole[0] * 2.0 ^ ((whole[1] - newest) / $interest_half_life_ms) + gained AS mass
// Sums and differences of floats may end a hair below zero where nothing is left.
SET u.interest_mass = CASE WHEN mass > 0 THEN mass ELSE 0.0 END, u.interest_mass_at = newest
