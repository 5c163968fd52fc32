// purpose: Give the id of every node of a label
// returns: id STRING
// mode: read
MATCH (n:<<label>>)
RETURN n.id AS id
