// purpose: Give what an event moved, as it stands now
// param: user_id STRING
// param: item_id STRING or null
// param: type STRING
// param: direct LIST<STRING> interests that the event names itself
// returns: interaction MAP of count, times, weight, updated_at or null; interests LIST<MAP> of id, mass, count, updated_at; about LIST<LIST> of interest id and weight, those that events on the item move
// mode: read
OPTIONAL MATCH (u:User {id: $user_id})
OPTIONAL MATCH (i:Item {id: $item_id})
CALL (u, i) {
  OPTIONAL MATCH (u)-[r:INTERACTED {event: $type}]->(i)
  RETURN r {.count, .times, .weight, .updated_at} AS interaction
  LIMIT 1
}
CALL (i) {
  OPTIONAL MATCH (i)-[about:ABOUT]->(x:Interest)
  WHERE about.wider IS NULL
  RETURN collect(CASE WHEN x IS NOT NULL THEN [x.id, about.weight] END) AS about
}
CALL (u, about) {
  UNWIND [pair IN about | pair[0]] + $direct AS id
  WITH DISTINCT u, id
  MATCH (x:Interest {id: id})
  MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->(x)
  RETURN collect(x {.id, mass: coalesce(r.mass, r.weight), count: r.count, updated_at: r.updated_at}) AS interests
}
RETURN interaction, interests, about
