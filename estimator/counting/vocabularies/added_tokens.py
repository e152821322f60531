"""Added tokens: the strings that a tokenizer always reads as one token, wherever they occur.

They are the hard boundaries that make counting by segments exact, so each list is the tokenizer's
own, in full: its `added_tokens`. None of them strips the space around it.
"""

from __future__ import annotations


def _number_tokens(pattern: str, count: int, start: int = 0) -> list[str]:
    return [pattern.format(number) for number in range(start, start + count)]


def _repeat_text(text: str, longest: int, shortest: int = 1) -> list[str]:
    return [text * length for length in range(shortest, longest + 1)]


def _tag_pairs(*names: str) -> list[str]:
    return [f"{start}{name}>" for name in names for start in ("<", "</")]


_LLAMA3 = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>"]
_LLAMA4 = [
    *("<|begin_of_text|>", "<|end_of_text|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"),
    *("<|header_start|>", "<|header_end|>", "<|eom|>", "<|eot|>", "<|step|>"),
    *("<|python_start|>", "<|python_end|>", "<|finetune_right_pad|>"),
    *("<|image_start|>", "<|image_end|>", "<|image|>", "<|patch|>"),
    *("<|tile_x_separator|>", "<|tile_y_separator|>"),
    *("<|reasoning_thinking_start|>", "<|reasoning_thinking_end|>"),
    *_number_tokens("<|text_post_train_reserved_special_token_{}|>", 6),
    *_number_tokens("<|text_post_train_reserved_special_token_{}|>", 61, 8),
    *_number_tokens("<|vision_reserved_special_token_{}|>", 1048),
    *_number_tokens("<|reasoning_reserved_special_token_{}|>", 8),
]
_LLAMA4_TOTAL = 2048
_QWEN2 = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *(f"<|{kind}_{end}|>" for kind in ("object_ref", "box", "quad") for end in ("start", "end")),
    *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
    *("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"),
    *("<|repo_name|>", "<|file_sep|>", "<tool_call>", "</tool_call>"),
]
_DEEPSEEK = [
    *("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"),
    *(
        "<｜fim▁hole｜>",
        "<｜fim▁begin｜>",
        "<｜fim▁end｜>",
        "<｜User｜>",
        "<｜Assistant｜>",
        "<|EOT|>",
    ),
    *(
        f"<｜tool▁{what}▁{end}｜>"
        for what in ("calls", "call", "outputs", "output")
        for end in ("begin", "end")
    ),
    "<｜tool▁sep｜>",
]
_GEMMA = [
    *("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"),
    *_repeat_text("\n", 31),
    *_repeat_text("▁", 31, 2),
    *_tag_pairs("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "blockquote"),
    *_tag_pairs(
        "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "b", "i", "u", "s", "sub", "sup"
    ),
    *_tag_pairs("code"),
]

ADDED_TOKENS: dict[str, tuple[str, ...]] = {
    "none": (),
    "llama-3": (*_LLAMA3, "<|eot_id|>", *_number_tokens("<|reserved_special_token_{}|>", 251)),
    "llama-3.1": (
        *_LLAMA3,
        *("<|finetune_right_pad_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"),
        *_number_tokens("<|reserved_special_token_{}|>", 248),
    ),
    "llama-4": (
        *_LLAMA4,
        *_number_tokens("<|reserved_special_token_{}|>", _LLAMA4_TOTAL - len(_LLAMA4)),
    ),
    "qwen-2.5": tuple(_QWEN2),
    "qwen-3": (*_QWEN2, *_tag_pairs("tool_response", "think")),
    "deepseek-v3": (*_DEEPSEEK, *_number_tokens("<｜place▁holder▁no▁{}｜>", 800)),
    # R1 assigned the last two placeholders, V3.1 two more.
    "deepseek-r1": (
        *_DEEPSEEK,
        *_number_tokens("<｜place▁holder▁no▁{}｜>", 798),
        *_tag_pairs("think"),
    ),
    "deepseek-v3.1": (
        *_DEEPSEEK,
        *_number_tokens("<｜place▁holder▁no▁{}｜>", 796),
        *("<｜search▁begin｜>", "<｜search▁end｜>"),
        *_tag_pairs("think"),
    ),
    "gpt-oss": (
        *("<|startoftext|>", "<|endoftext|>", "<|return|>", "<|constrain|>", "<|channel|>"),
        *("<|start|>", "<|end|>", "<|message|>", "<|call|>", "<|endofprompt|>"),
        *_number_tokens("<|reserved_{}|>", 2, 200000),
        "<|reserved_200004|>",
        *_number_tokens("<|reserved_{}|>", 3, 200009),
        *_number_tokens("<|reserved_{}|>", 5, 200013),
    ),
    "gemma-2": (*_GEMMA, "<2mass>", "[@BOS@]", *_number_tokens("<unused{}>", 99)),
    "gemma-3": (
        *_GEMMA,
        *("[multimodal]", "<start_of_image>", "<end_of_image>", "<image_soft_token>", "<img>"),
        *_number_tokens("<unused{}>", 6242),
        *_repeat_text("\t", 31),
        *_tag_pairs("a", "html", "body", "span", "bbox", "ul", "li", "div", "iframe", "footer"),
        "</img>",
    ),
}
