"""Questions about an analysis that several parts ask, each with its one answer; nothing is drawn here."""
