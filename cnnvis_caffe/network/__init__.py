"""A network as a DAG of layers: geometry, receptive fields, out-of-place rewriting."""
