"""From a net and its data to what an analysis holds of each neuron."""
