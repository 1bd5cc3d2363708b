"""Text that came from files, made fit for where it is shown."""
