"""The door: a server on this machine that lets in who knows its secret, and hands over calls.

Reading order: `entry` (who is let in), `body` (reading what is sent, within limits), `call` (what
is handed over), `client_answer` (an answer to a client that may leave), `door` (the server).
"""

from runner.gateway.door.call import DoorCall
from runner.gateway.door.client_answer import ClientAnswer
from runner.gateway.door.door import Door, Handler, Limits
from runner.gateway.door.entry import make_secret

__all__ = ["ClientAnswer", "Door", "DoorCall", "Handler", "Limits", "make_secret"]
