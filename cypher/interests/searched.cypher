// purpose: Give the interests that the words of searches name best, with parts that sum to 1
// param: rows LIST<MAP> of query, words STRING in the form of the full-text index
// param: matches INTEGER
// returns: query STRING, interests LIST<LIST> of id, part and node; queries that name none are left out
// mode: read
UNWIND $rows AS row
CALL (row) {
  CALL db.index.fulltext.queryNodes('interest_name', row.words, {limit: $matches}) YIELD node, score
  WITH node, score ORDER BY score DESC, node.id LIMIT $matches
  WITH collect([node.id, score, id(node)]) AS found
  WITH found, reduce(sum = 0.0, match IN found | sum + match[1]) AS total
  WHERE total > 0
  RETURN [match IN found | [match[0], match[1] / total, match[2]]] AS interests
}
RETURN row.query AS query, interests
