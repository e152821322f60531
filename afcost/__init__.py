"""The command line: one thin module for each command, and the code that renders output.

A command parses, calls one function of another room, and renders. `python -m afcost` and the
`afcost` script both start in `__main__`.
"""

__version__ = "0.1.0"
