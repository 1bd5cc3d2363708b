"""The case studies of the CNNVis papers, each reproduced by one command."""
