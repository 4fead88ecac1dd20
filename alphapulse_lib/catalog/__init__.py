"""The catalog: open Parquet that NautilusTrader and DuckDB read in place, written column-wise and atomically.

::

    roots        which folders are read, and which one is written
    layout       where each thing lies in a root, and which files there are
    storage      what holds the files: a folder of this machine (folder), or an object store (bucket, objects, lease)
    sql_files    an object store as DuckDB reads it
    schemas      the columns of every file
    decimals     NautilusTrader's 16-byte decimals, to and from numbers
    publish      the lock, and the one way a file comes to be
    unfinished   imports under way, and those that died
    versions     rows with three times: which is new, which is the same, which one is seen when
    index        the instruments and their tickers
    instruments  NautilusTrader's own files of them
    writer       bars and instruments in, and an import out again
    reader       bars out, as of any moment
    actions      splits and dividends
    datasets     articles, mentions, scores
    sessions     the exchanges' calendars
    coverage     intervals held, gaps against the calendar
    integrity    what is wrong with the files; bar_checks, tick_checks: inside of one; repairs: what is done about it
"""
