// purpose: Read the interests of a user with what each is worth at a time
// param: user_id STRING
// param: at INTEGER, epoch ms
// param: half_life_ms FLOAT
// returns: id STRING, kind STRING, name STRING, source STRING, value FLOAT as of the time, updated_at INTEGER
// mode: read
MATCH (u:User {id: $user_id})
OPTIONAL MATCH (u)-[r:INTERESTED_IN]->(x:Interest)
RETURN x.id AS id, x.kind AS kind, x.name AS name, r.source AS source,
  CASE r.source
    WHEN 'behaviour' THEN r.weight * 2.0 ^ ((r.updated_at - CASE WHEN r.updated_at > $at THEN r.updated_at ELSE $at END) / $half_life_ms)
    ELSE r.weight
  END AS value,
  r.updated_at AS updated_at
