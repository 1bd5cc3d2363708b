"""What the window shows and decides, without Qt: the session, its pictures, what actions do, what things are called."""
