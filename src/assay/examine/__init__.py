"""Whatever looks at a given network: attacks, precision, protocols, and the communication complexity of its task."""
