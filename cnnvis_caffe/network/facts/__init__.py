"""One row of facts about each layer type, and the rules that rows name."""
