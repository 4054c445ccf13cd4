"""What neighbours are still to be told, in one commit with what they are told of."""
