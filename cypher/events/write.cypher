// purpose: Store new events and move the INTERACTED and INTERESTED_IN relationships of their users, each locked before
// param: users LIST<MAP>: id, unfolded and folded LIST<LIST> of events as `events/create` takes them, interactions LIST<LIST> of item, event, count, times, weight, at, half-life in ms, interests MAP from interest id to LIST of mass, at, count, newest INTEGER time of the newest of them or null
// param: interest_half_life_ms FLOAT
// param: times_kept INTEGER
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
UNWIND $users AS row
MATCH (u:User {id: row.id})
SET u.events_at = $now
// Every property is named: a map from outside could set any, and everything read before would be kept aside for it.
FOREACH (event IN row.unfolded | CREATE (:Event:Unfolded {
  id: event[0], type: event[1], user_id: event[2], item_id: event[3], at: event[4], value: event[5], query: event[6],
  recommendation_id: event[7], digest: event[8], received_at: $now, followed_id: event[9], context: event[10],
  interests: event[11], parts: event[12]
}))
FOREACH (event IN row.folded | CREATE (:Event {
  id: event[0], type: event[1], user_id: event[2], item_id: event[3], at: event[4], value: event[5], query: event[6],
  recommendation_id: event[7], digest: event[8], received_at: $now, followed_id: event[9], context: event[10],
  interests: event[11], parts: event[12]
}))
WITH u, row
CALL (u, row) {
  UNWIND row.interactions AS move
  MATCH (i:Item {id: move[0]})
  OPTIONAL MATCH (u)-[r:INTERACTED {event: move[1]}]->(i)
  WITH u, i, r, move, CASE WHEN r.updated_at > move[5] THEN r.updated_at ELSE move[5] END AS latest
  // No MERGE: it would lock the item, which many users share. The user's lock is enough.
  FOREACH (_ IN CASE WHEN r IS NULL THEN [1] ELSE [] END |
    CREATE (u)-[:INTERACTED {
      event: move[1], count: move[2], times: move[3][-$times_kept..], last_at: move[5], weight: move[4],
      updated_at: move[5]
    }]->(i)
  )
  FOREACH (known IN CASE WHEN r IS NULL THEN [] ELSE [r] END |
    SET known += {
      count: known.count + move[2],
      times: CASE
        WHEN move[3][0] >= known.last_at THEN (known.times + move[3])[-$times_kept..]
        ELSE reduce(times = known.times, time IN move[3] |
          [t IN times WHERE t <= time] + [time] + [t IN times WHERE t > time])[-$times_kept..]
      END,
      last_at: latest,
      weight: known.weight * 2.0 ^ ((known.updated_at - latest) / move[6])
        + move[4] * 2.0 ^ ((move[5] - latest) / move[6]),
      updated_at: latest
    }
  )
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
  // Collected on its own: to group by the row would hash all that it holds.
  CALL (row) {
    UNWIND keys(row.interests) AS id
    MATCH (x:Interest {id: id})
    RETURN collect(x) AS touched
  }
  // One look over what the user has, instead of one for each interest touched.
  CALL (u, row, newest, touched) {
    MATCH (u)-[r:INTERESTED_IN]->(x:Interest)
    WHERE x IN touched AND r.source = 'behaviour'
    WITH x, r, newest, row.interests[x.id] AS move, r.weight AS old_weight, r.updated_at AS old_at
    WITH x, r, newest, move, old_weight, old_at, CASE WHEN old_at > move[1] THEN old_at ELSE move[1] END AS latest
    WITH x, r, newest, move, old_weight, old_at, latest,
      move[0] * 2.0 ^ ((move[1] - latest) / $interest_half_life_ms)
        + coalesce(r.mass, old_weight) * 2.0 ^ ((old_at - latest) / $interest_half_life_ms) AS mass
    WITH x, r, newest, move, old_weight, old_at, latest, mass, CASE WHEN mass > 0 THEN mass ELSE 0.0 END AS weight
    // Kept only where it says more than the weight: most relationships need a property record less.
    SET r.mass = CASE WHEN mass < 0 THEN mass END, r.weight = weight, r.count = coalesce(r.count, 0) + move[2], r.updated_at = latest
    RETURN collect(x) AS known, sum(weight * 2.0 ^ ((latest - newest) / $interest_half_life_ms)
      - old_weight * 2.0 ^ ((old_at - newest) / $interest_half_life_ms)) AS moved
  }
  CALL (u, row, newest, touched, known) {
    UNWIND touched AS x
    WITH x WHERE NOT x IN known
    WITH x, row.interests[x.id] AS move
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
