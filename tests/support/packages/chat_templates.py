"""Find chat templates inside what the packages hold: JavaScript and Python source, never run.

Pure functions from one text to another; `fetch.py` fetches.
"""

import ast
import re

_STRING = r'`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"'
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r"}


def in_javascript(script: str, entry: str) -> str:
    r"""Find a model's chat template in the compiled JavaScript that lists them.

    It stands there as a template literal or as a quoted string, in which `\\n` means backslash and
    n, and an escaped backquote or dollar sign means itself.

    Raises:
        LookupError: there is no such entry.
    """
    model = re.escape(f'model: "library/{entry}"')
    found = re.search(rf"{model},\s*gguf: ({_STRING})", script, re.DOTALL)
    if found is None:
        raise LookupError(f'the package has no chat template for "library/{entry}"')
    return _ESCAPE.sub(_unescaped, found[1][1:-1])


def in_python(source: str, variable: str) -> str:
    """Find the text that a module gives to a variable.

    Raises:
        LookupError: it gives it none, or no plain text.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == variable:
            return str(ast.literal_eval(node.value))
    raise LookupError(f"the module has no variable {variable}")


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    return chr(int(code, 16)) if code else _LETTERS.get(escape[3], escape[3])
