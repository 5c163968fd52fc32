// purpose: Read the interests of a user with what each is worth at a time
// param: user_id STRING
// param: at INTEGER, epoch ms
// param: half_life_ms FLOAT
// returns: log_gap_at INTEGER or null; id, kind, name, source STRING; value FLOAT as of the time, count INTEGER events behind it, updated_at INTEGER, old_mass FLOAT or null of events that were pruned, old_at INTEGER, old_count INTEGER; wider LIST<LIST> of id, kind, name, weight of those it is part of
// mode: read
MATCH (u:User {id: $user_id})
OPTIONAL MATCH (u)-[r:INTERESTED_IN]->(x:Interest)
RETURN u.log_gap_at AS log_gap_at, x.id AS id, x.kind AS kind, x.name AS name, r.source AS source,
  CASE r.source
    WHEN 'behaviour' THEN r.weight * 2.0 ^ ((r.updated_at - CASE WHEN r.updated_at > $at THEN r.updated_at ELSE $at END) / $half_life_ms)
    ELSE r.weight
  END AS value,
  r.count AS count, r.updated_at AS updated_at, r.old_mass AS old_mass, r.old_at AS old_at, r.old_count AS old_count,
  COLLECT {
    MATCH path = (x)-[:PART_OF*1..8]->(y:Interest)
    WITH y, reduce(weight = 1.0, step IN relationships(path) | weight * coalesce(step.weight, 1.0)) AS weight
    WITH y, max(weight) AS weight
    RETURN [y.id, y.kind, y.name, weight] ORDER BY y.id
  } AS wider
