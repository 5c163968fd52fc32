// purpose: Give an interest with what it is part of and what is part of it
// param: id STRING
// param: limit INTEGER, of its parts
// returns: id STRING, kind STRING, name STRING, part_of LIST<LIST> of id, kind, name, nearest first, parts LIST<LIST> of id, kind, name, items INTEGER, users INTEGER
// mode: read
MATCH (x:Interest {id: $id})
RETURN x.id AS id, x.kind AS kind, x.name AS name,
  COLLECT {
    MATCH path = (x)-[:PART_OF*1..8]->(y:Interest)
    WITH y, min(length(path)) AS steps
    RETURN [y.id, y.kind, y.name] ORDER BY steps, y.id LIMIT 50
  } AS part_of,
  COLLECT { MATCH (y:Interest)-[:PART_OF]->(x) RETURN [y.id, y.kind, y.name] ORDER BY y.id LIMIT $limit } AS parts,
  count { (x)<-[:ABOUT]-() } AS items,
  reduce(sum = 0, users IN COLLECT {
    MATCH (y:Interest)-[:PART_OF*0..8]->(x)
    WITH DISTINCT y
    RETURN count { (y)<-[:INTERESTED_IN]-() }
  } | sum + users) AS users
