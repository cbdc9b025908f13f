"""config.json, environment and arguments, checked; and the engine that they ask for."""
