// purpose: Store new events and move the INTERACTED and INTERESTED_IN relationships of their users, each locked before
// param: users LIST<MAP>: id, unfolded and folded LIST<MAP> of events, interactions LIST<MAP> of item, event, count, times, weight, at, half_life_ms, masses LIST<MAP> of item, mass, at, count, direct LIST<MAP> of interest, mass, at, count
// param: interest_half_life_ms FLOAT
// param: times_kept INTEGER
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
UNWIND $users AS row
MATCH (u:User {id: row.id})
SET u.events_at = $now
FOREACH (event IN row.unfolded | CREATE (e:Event:Unfolded) SET e = event)
FOREACH (event IN row.folded | CREATE (e:Event) SET e = event)
WITH u, row
CALL (u, row) {
  UNWIND row.interactions AS move
  MATCH (i:Item {id: move.item})
  OPTIONAL MATCH (u)-[r:INTERACTED {event: move.event}]->(i)
  WITH u, i, r, move, CASE WHEN r.updated_at > move.at THEN r.updated_at ELSE move.at END AS latest
  // No MERGE: it would lock the item, which many users share. The user's lock is enough.
  FOREACH (_ IN CASE WHEN r IS NULL THEN [1] ELSE [] END |
    CREATE (u)-[:INTERACTED {
      event: move.event, count: move.count, times: move.times[-$times_kept..], last_at: move.at,
      weight: move.weight, updated_at: move.at
    }]->(i)
  )
  FOREACH (known IN CASE WHEN r IS NULL THEN [] ELSE [r] END |
    SET known += {
      count: known.count + move.count,
      times: CASE
        WHEN move.times[0] >= known.last_at THEN (known.times + move.times)[-$times_kept..]
        ELSE reduce(times = known.times, time IN move.times |
          [t IN times WHERE t <= time] + [time] + [t IN times WHERE t > time])[-$times_kept..]
      END,
      last_at: latest,
      weight: known.weight * 2.0 ^ ((known.updated_at - latest) / move.half_life_ms)
        + move.weight * 2.0 ^ ((move.at - latest) / move.half_life_ms),
      updated_at: latest
    }
  )
}
WITH u, row
WHERE row.masses <> [] OR row.direct <> []
// What is known of the user as a whole, as of the newest of both: at that time every part is summed up.
WITH u, row,
  CASE WHEN u.interest_mass IS NOT NULL THEN [u.interest_mass, u.interest_mass_at]
    ELSE reduce(sum = [0.0, 0], part IN COLLECT {
      MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->()
      RETURN [r.weight, r.updated_at] ORDER BY r.updated_at
    } | [sum[0] * 2.0 ^ ((sum[1] - part[1]) / $interest_half_life_ms) + part[0], part[1]])
  END AS whole,
  reduce(latest = 0, move IN row.masses + row.direct | CASE WHEN move.at > latest THEN move.at ELSE latest END) AS newest
WITH u, row, whole, CASE WHEN whole[1] > newest THEN whole[1] ELSE newest END AS newest
CALL (u, row, newest) {
  CALL (row) {
    UNWIND row.masses AS move
    MATCH (:Item {id: move.item})-[about:ABOUT]->(x:Interest)
    RETURN x, move.mass * about.weight AS part, move.at AS time, move.count AS events
    UNION ALL
    UNWIND row.direct AS move
    MATCH (x:Interest {id: move.interest})
    RETURN x, move.mass AS part, move.at AS time, move.count AS events
  }
  WITH u, newest, x, max(time) AS at, collect([part, time]) AS parts, sum(events) AS events
  WITH u, newest, x, at, events,
    reduce(sum = 0.0, part IN parts | sum + part[0] * 2.0 ^ ((part[1] - at) / $interest_half_life_ms)) AS mass
  OPTIONAL MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->(x)
  WITH u, newest, x, r, at, events, mass, CASE WHEN r.updated_at > at THEN r.updated_at ELSE at END AS latest
  WITH u, newest, x, r, latest, events, coalesce(r.weight, 0.0) AS old_weight, coalesce(r.updated_at, latest) AS old_at,
    mass * 2.0 ^ ((at - latest) / $interest_half_life_ms)
      + coalesce(r.mass * 2.0 ^ ((r.updated_at - latest) / $interest_half_life_ms), 0.0) AS mass
  WITH u, newest, x, r, latest, events, old_weight, old_at, mass, CASE WHEN mass > 0 THEN mass ELSE 0.0 END AS weight
  FOREACH (_ IN CASE WHEN r IS NULL THEN [1] ELSE [] END |
    CREATE (u)-[:INTERESTED_IN {source: 'behaviour', mass: mass, weight: weight, count: events, updated_at: latest}]->(x)
  )
  FOREACH (known IN CASE WHEN r IS NULL THEN [] ELSE [r] END |
    SET known += {mass: mass, weight: weight, count: coalesce(known.count, 0) + events, updated_at: latest}
  )
  RETURN sum(weight * 2.0 ^ ((latest - newest) / $interest_half_life_ms)
    - old_weight * 2.0 ^ ((old_at - newest) / $interest_half_life_ms)) AS gained
}
WITH u, newest, whole[0] * 2.0 ^ ((whole[1] - newest) / $interest_half_life_ms) + gained AS mass
// Sums and differences of floats may end a hair below zero where nothing is left.
SET u.interest_mass = CASE WHEN mass > 0 THEN mass ELSE 0.0 END, u.interest_mass_at = newest
