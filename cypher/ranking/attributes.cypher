// purpose: Give some attributes of a user
// param: user_id STRING
// param: names LIST<STRING>
// returns: attributes LIST<LIST> of name and value; no row where there is no such user
// mode: read
MATCH (u:User {id: $user_id})
RETURN [name IN $names WHERE u[name] IS NOT NULL | [name, u[name]]] AS attributes
