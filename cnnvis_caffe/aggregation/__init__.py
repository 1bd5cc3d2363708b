"""From an analysis and a view to what is shown: groups of layers, clusters of neurons, bundles of connections.

`aggregate.aggregate` is the way in; `edits` are what a user does to a view, with undo and sessions. Nothing is
imported here, so that edits cost no scikit-learn.
"""
