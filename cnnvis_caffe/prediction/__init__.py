"""Says what a network makes of images: classes, labels, numbers, masks or boxes."""
