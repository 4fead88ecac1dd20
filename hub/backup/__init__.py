"""`alphapulse backup` and `alphapulse restore`: all that a hub keeps, in one file, and back onto an empty home.

parts        what a hub keeps, and where the settings in force put it
databases    a database as it was at one moment, while others write to it
archive      the file: a tar with a head that names it and a list at its end that proves it whole
taking       a backup of a hub that may be up
restoring    wholly or not at all, and over nothing that is there
composed     both for a hub whose parts are containers, from inside one that sees all their volumes
"""
