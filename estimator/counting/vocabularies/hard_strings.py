"""Hard strings: texts on which encoders have differed, for holding one against another."""

from __future__ import annotations

HARD_STRINGS = (
    *("", " ", "\n", "\t", "\r\n", " \n", "\n ", "a", "é", "世", "\x00\x01\x7f\x85", "\ufeffx"),
    *("a" * 3000, " " * 3000, "1" * 3000, "\t" * 300, "\n" * 300, "\r\n" * 200, "!" * 300),
    *("é" * 300, "世界" * 200, "\U0001f469\u200d\U0001f467" * 40, "\U0001f1e9\U0001f1ea" * 40),
    *("e\u0301" * 100, "a\u0300\u0301b", "\u0301", "ǅa ǅA ﬀ Å", "x\r\ny\r z", "K'ſ 'ſ ſs"),
    *("  leading", "trailing  ", "a  b   c    d", "\u00a0\u2003\u3000x", "\u200d\u200b\u2028"),
    *("1 12 123 1234 12345 3.14 1,234,567", "٣٤٥ ১২৩ ²³ Ⅷ", "#!/usr/bin http://a.b/c?d=e&f=g"),
    *("if x:\n    return\n\n\n\ty = [1]\n", "camelCaseHTTPServer_snake-kebab", "…—“”‘’«»¿¡"),
    *("<|eot_id|><|endoftext|> <think>x</think> [INST]", "▁▁a ▁", ".:.: ..... ///// ======"),
    *("ก็ได้", "नमस्ते दुनिया", "한국어 텍스트", "مرحبا بالعالم", "Ａｂｃ１２３", "שלום", "Привет, мир"),
    *("\U0010ffff\ue000\ufffd", "𝔘𝔫𝔦 𝟙𝟚𝟛", "A" * 40 + "b" * 40, "ab \n" * 50, "?" + " " * 20 + "x"),
    "don't THEY'RE we'll I'D 'S'T'RE can’t",
)
