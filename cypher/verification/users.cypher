// purpose: Read the events of users and what the graph has made of them, as columns, one row a user
// param: ids LIST<STRING>
// returns: user_id STRING, log_gap_at, events_at, interest_mass, interest_mass_at or null; events MAP of LIST at, type, item_id, query and followed_id ('' for none), value (0 for none), received_at, interests and parts; interacted, interested and follows LIST<MAP>
// mode: read
UNWIND $ids AS id
MATCH (u:User {id: id})
CALL (u) {
  MATCH (e:Event {user_id: u.id}) USING INDEX e:Event(user_id, at)
  WHERE e.at >= 0
  RETURN {
    at: collect(e.at), type: collect(e.type), item_id: collect(coalesce(e.item_id, '')),
    query: collect(coalesce(e.query, '')), value: collect(coalesce(e.value, 0.0)),
    received_at: collect(coalesce(e.received_at, 0)),
    followed_id: collect(coalesce(e.followed_id, '')), interests: collect(coalesce(e.interests, [])),
    parts: collect(coalesce(e.parts, []))
  } AS events
}
CALL (u) {
  MATCH (u)-[r:INTERACTED]->(i:Item)
  RETURN collect(r {
    item_id: i.id, .event, .count, .times, .last_at, .weight, .updated_at, .old_count, .old_weight, .old_at
  }) AS interacted
}
CALL (u) {
  MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->(x:Interest)
  RETURN collect(r {
    interest_id: x.id, mass: coalesce(r.mass, r.weight), .weight, .count, .updated_at, .old_mass, .old_count, .old_at
  }) AS interested
}
CALL (u) {
  MATCH (u)-[r:FOLLOWS]->(v:User)
  RETURN collect(r {user_id: v.id, .weight, .given, .moved, .count, .old_count, .old_moved}) AS follows
}
RETURN u.id AS user_id, u.log_gap_at AS log_gap_at, u.events_at AS events_at, u.interest_mass AS interest_mass,
  u.interest_mass_at AS interest_mass_at, events, interacted, interested, follows
