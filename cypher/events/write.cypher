// purpose: Store new events and move the INTERACTED and INTERESTED_IN relationships of their users, each locked before
// param: users LIST<MAP>: id, unfolded and folded LIST<MAP> of events, interactions LIST<MAP> of item, event, count, times, weight, at, half_life_ms, masses LIST<MAP> of item, mass, at
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
CALL (u, row) {
  UNWIND row.masses AS move
  MATCH (:Item {id: move.item})-[about:ABOUT]->(x:Interest)
  WITH u, x, max(move.at) AS at, collect([move.mass * about.weight, move.at]) AS parts
  WITH u, x, at, reduce(sum = 0.0, part IN parts | sum + part[0] * 2.0 ^ ((part[1] - at) / $interest_half_life_ms)) AS mass
  OPTIONAL MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->(x)
  WITH u, x, r, at, mass, CASE WHEN r.updated_at > at THEN r.updated_at ELSE at END AS latest
  WITH u, x, r, latest, mass * 2.0 ^ ((at - latest) / $interest_half_life_ms)
    + coalesce(r.mass * 2.0 ^ ((r.updated_at - latest) / $interest_half_life_ms), 0.0) AS mass
  FOREACH (_ IN CASE WHEN r IS NULL THEN [1] ELSE [] END |
    CREATE (u)-[:INTERESTED_IN {
      source: 'behaviour', mass: mass, weight: CASE WHEN mass > 0 THEN mass ELSE 0.0 END, updated_at: latest
    }]->(x)
  )
  FOREACH (known IN CASE WHEN r IS NULL THEN [] ELSE [r] END |
    SET known += {mass: mass, weight: CASE WHEN mass > 0 THEN mass ELSE 0.0 END, updated_at: latest}
  )
}
