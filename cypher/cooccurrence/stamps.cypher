// purpose: Give the stamps of items, which change with every change of their rows
// param: ids LIST<STRING>
// returns: ids LIST<STRING> of those that are there, stamps LIST<INTEGER>
// mode: read
UNWIND $ids AS id
MATCH (i:Item {id: id})
RETURN collect(id) AS ids, collect(coalesce(i.edges_at, 0)) AS stamps
