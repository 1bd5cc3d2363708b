"""Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, on what can be had here."""
