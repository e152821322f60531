"""Programs that are not afcost's, under its cap: a server between them and their providers.

Reading order: `door` (who is let in, and what is handed over), `program` (how a program is started
so that its clients come to the door).
"""
