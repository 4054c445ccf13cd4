"""The page of `av1rules serve`: what a library does at this moment, its films, and the clips that
wait for a decision, in a browser. It shows and decides; it does not configure."""
