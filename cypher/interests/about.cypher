// purpose: Give the interests that events on items move; the wider ones follow through PART_OF
// param: ids LIST<STRING>
// returns: id STRING, about LIST<LIST> of interest id and weight; items that are about nothing are left out
// mode: read
UNWIND $ids AS id
MATCH (i:Item {id: id})-[about:ABOUT]->(x:Interest)
WHERE about.wider IS NULL
RETURN id, collect([x.id, about.weight]) AS about
