"""How good an encode is: scores, excerpts, samples, and the search for a CRF."""
