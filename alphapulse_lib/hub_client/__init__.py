"""The hub's REST API as typed Python: ``Client(url, token).comments.list("run:3f2a")``.

Values come back as frozen dataclasses, most of them from `alphapulse_lib.model`. Whatever goes wrong is a `HubError`
with the hub's own words: nobody sees a traceback of the HTTP library.
"""

from alphapulse_lib.hub_client.client import Client, Health
from alphapulse_lib.hub_client.runs import KeptRun
from alphapulse_lib.hub_client.transport import Damaged, Page

__all__ = ["Client", "Damaged", "Health", "KeptRun", "Page"]
