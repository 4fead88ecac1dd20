"""Series of a person's own for the team's catalog: their files, and the request that the worker carries out."""
