"""Views of an analysis as pictures: aggregate, lay out and draw, keeping what the next picture can use again."""
