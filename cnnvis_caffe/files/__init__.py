"""Files of strangers, opened if they are files and read within bounds; files written whole or not at all."""
