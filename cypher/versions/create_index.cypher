// purpose: Make the vector index of a label and version
// param: dim INTEGER
// returns: nothing
// mode: write
// Not quantised: the vectors are short, and their scores would be off by up to a tenth.
CREATE VECTOR INDEX <<index>> IF NOT EXISTS FOR (n:<<label>>) ON (n.<<embedding>>)
OPTIONS {indexConfig: {`vector.dimensions`: $dim, `vector.similarity_function`: 'cosine', `vector.quantization.enabled`: false}}
