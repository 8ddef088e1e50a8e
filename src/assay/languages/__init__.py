"""Regular languages: their minimal automaton, the classes they belong to, what these say of networks, and weights."""
