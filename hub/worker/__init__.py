"""The worker: decides from the timetable what is due, and carries each firing out, once, whatever dies meanwhile.

::

    timetable   schedules -> firings: which slots are due, missed or left out
    dispatch    which firings may start now -> DBOS's queue, each under its own id
    firing      one firing, step by step: start the owner's server, run the job in it, record, clear away
    line        what vendors are to be asked for -> DBOS's queue, one fetch of a vendor at a time
    fetching    one fetch: what is missing, part by part, into the team's catalog
    presence    which workers live; what a dead one had begun is taken over
    leftovers   servers that outlived their firing are stopped

A firing's steps can each be done again without harm, DBOS remembers the ones that were done, and the database refuses
a second firing of one slot: so several workers may run, and each may be killed at any moment.
"""
