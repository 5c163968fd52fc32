// purpose: Count the interests; the server has the number at hand
// returns: interests INTEGER
// mode: read
MATCH (x:Interest)
RETURN count(x) AS interests
