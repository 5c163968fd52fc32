// purpose: Give what interests are called
// param: ids LIST<STRING>
// returns: id STRING, kind STRING, name STRING, wider LIST<LIST> of id, kind, name, weight of those it is part of
// mode: read
UNWIND $ids AS id
MATCH (x:Interest {id: id})
RETURN id, x.kind AS kind, x.name AS name,
  COLLECT {
    MATCH path = (x)-[:PART_OF*1..8]->(y:Interest)
    WITH y, reduce(weight = 1.0, step IN relationships(path) | weight * coalesce(step.weight, 1.0)) AS weight
    WITH y, max(weight) AS weight
    RETURN [y.id, y.kind, y.name, weight] ORDER BY y.id
  } AS wider
