// purpose: Give events that are stored, by what tells a repeat from a conflict
// param: ids LIST<STRING>
// returns: event MAP of id, type, user_id, item_id, followed_id, at, at_given, value, query, recommendation_id, context, digest
// mode: read
UNWIND $ids AS name
MATCH (e:Event {id: name})
RETURN e {
  .id, .type, .user_id, .item_id, .followed_id, .at, .at_given, .value, .query, .recommendation_id, .context, .digest
} AS event
