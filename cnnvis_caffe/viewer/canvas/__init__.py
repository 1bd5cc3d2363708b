"""The picture: paints a scene, and answers where the pointer is."""
