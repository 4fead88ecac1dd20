"""The REST API at ``/services/api``: comments, the ledger, schedules, the catalog and notifications, for every client.

One FastAPI application in a process of its own. It takes bearer tokens only, never cookies: a page of another service
cannot make a browser act here. Who a token belongs to and what it may do is asked of the hub.
"""
