// purpose: Remove the vector index of a label and version
// returns: nothing
// mode: write
DROP INDEX <<index>> IF EXISTS
