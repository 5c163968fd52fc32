// purpose: Give what items are about
// param: ids LIST<STRING>
// returns: id STRING, about LIST<LIST> of interest id and weight; items that are about nothing are left out
// mode: read
UNWIND $ids AS id
MATCH (i:Item {id: id})-[about:ABOUT]->(x:Interest)
RETURN id, collect([x.id, about.weight]) AS about
