"""Random chats that are hard to count: the same ones on every run.

A chat is drawn from a seed, within what a model's template takes. Texts are made of pieces that
tokenizers and templates are known to stumble over, among them the marks of the model itself and of
others, written by a user.
"""

import random
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from experiment.prompts.request import Message

PIECES = (
    *("Hello", " world", "a", "it's", "we'LL", "THEY'RE I'D", "snake_case", "camelCase", "0x1F"),
    *(
        " ",
        "  ",
        "   ",
        " " * 40,
        "\t",
        "\t\t",
        "\n",
        "\n\n",
        "\n" * 5,
        " \n \n",
        "\r\n",
        "\r\n\r\n",
    ),
    *("\u00a0", "\u3000", "\u200b", "\u2028", "\ufeff", "\x00", "\x7f", "\u0085"),
    *("1", "123456789", "1,234.50", "½", "①", "Ⅷ", "٣٤٥"),
    *("e\u0301", "é", "a\u0308\u0323", "\u0301", "ﬁ", "İ", "ſ", "ß", "\u1100\u1161", "각"),
    *("👩‍👩‍👧‍👦", "🇨🇭", "🇨🇭🇩🇪", "👍🏽", "😀", "\U00010348", "\ud800", "\udfff"),
    *("日本語", "中文，漢字", "한국어", "العربية", "हिन्दी", "ไทย", "Привет", "Ελλάδα"),
    *("<", "|", ">", "<|", "|>", "<|eot", "[", "]", "_", "▁", "｜", "...", "!!!", "//", "()", "{}"),
    *("{{ x }}", "{% raw %}", "# Title\n", "```py\nx = 1\n```", "https://a.b/c?d=e&f=%20"),
)
MARKS = (
    *("<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>user<|end_header_id|>\n\n"),
    *("<|reserved_special_token_3|>", "<|eom_id|>", "<|python_tag|>", "<|image|>", "<|step_id|>"),
    *(
        "<|header_start|>",
        "<|eot|>",
        "<|im_start|>",
        "<|im_end|>\n",
        "<|endoftext|>",
        "<|channel|>",
    ),
    *("<think>", "</think>", "<think>\n\n</think>\n\n", "<tool_response>", "</tool_response>"),
    *("<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>", "<｜search▁begin｜>", "<|EOT|>"),
    *(
        "<bos>",
        "<eos>",
        "<start_of_turn>",
        "<end_of_turn>\n",
        "<unused7>",
        "<h1>",
        "</table>",
        "<b>",
    ),
    *("[INST]", "[/INST]", "<s>", "</s>", "[SYSTEM_PROMPT]", "<unk>", "<pad>"),
    *("<|start|>", "<|message|>", "<|end|>", "<|return|>", "<|endofprompt|>", "<|think|>"),
)
UNICODE = ((0x20, 0x7E), (0xA0, 0x2FF), (0x300, 0x36F), (0x370, 0x2FFF), (0x3000, 0xD7FF))
LAST_OLD_MARK = 0x36F
LATER_UNICODE = ((0xE000, 0xFFFF), (0x10000, 0x1FFFF), (0x1F300, 0x1FAFF))


@dataclass(frozen=True)
class Shape:
    """Which chats a template takes.

    Attributes:
        system: a system message may stand first.
        alternates: it refuses anything but a user's and an assistant's message in turn after that.
        blank_prefill: a final assistant message may be empty or nothing but space.
        blank_answer: an earlier one may be.
    """

    system: bool = True
    alternates: bool = False
    blank_prefill: bool = True
    blank_answer: bool = True


def chats(shape: Shape, marks: Sequence[str], count: int, seed: str) -> Iterator[list[Message]]:
    """Draw chats; `marks` are the model's own added tokens."""
    dice = random.Random(seed)
    for _ in range(count):
        yield list(_chat(dice, shape, marks))


def texts(marks: Sequence[str], count: int, seed: str) -> list[str]:
    """Draw texts."""
    dice = random.Random(seed)
    return [_text(dice, marks, longest=12) for _ in range(count)]


def whole(text: str) -> str:
    """Replace lone surrogates, which no tokenizer takes, as is done before counting."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _chat(dice: random.Random, shape: Shape, marks: Sequence[str]) -> Iterator[Message]:
    for role in _roles(dice, shape):
        blank = shape.blank_answer or role != "assistant"
        yield Message(role, _content(dice, marks, blank=blank))
    yield Message("user", _content(dice, marks))
    if dice.random() < 0.35:
        yield Message("assistant", _content(dice, marks, blank=shape.blank_prefill))


def _roles(dice: random.Random, shape: Shape) -> Iterator[str]:
    """Draw who spoke before the last user message; it alternates, but for one time in ten."""
    if shape.system and dice.random() < 0.6:
        yield "system"
    for _ in range(dice.choice((0, 0, 1, 1, 2, 3))):
        yield "user"
        if not shape.alternates and dice.random() < 0.1:
            yield dice.choice(("user", "assistant", "system"))
        yield "assistant"


def _content(dice: random.Random, marks: Sequence[str], *, blank: bool = True) -> str:
    text = _text(dice, marks)
    return text if blank or text.strip() else f"{text}<OUTPUT>"


def _text(dice: random.Random, marks: Sequence[str], longest: int = 6) -> str:
    return "".join(_piece(dice, marks) for _ in range(dice.randint(0, longest)))


def _piece(dice: random.Random, marks: Sequence[str]) -> str:
    match dice.randrange(12):
        case 0:
            return dice.choice(marks)
        case 1:
            return dice.choice(MARKS)
        case 2:
            ranges = UNICODE if dice.random() < 0.7 else LATER_UNICODE
            return "".join(map(_settled, (dice.randint(*dice.choice(ranges)) for _ in range(3))))
        case _:
            return dice.choice(PIECES)


def _settled(code: int) -> str:
    """Return a character, but a dotted circle for a later combining mark.

    Qwen's tokenizer puts marks into their canonical order by the tables of Unicode 9, Python by
    those of its own version, so marks that came after are put in order by one and not the other.
    """
    later = unicodedata.combining(chr(code)) and code > LAST_OLD_MARK
    return "◌" if later else chr(code)
