"""A Llama with two blocks, random weights and the real Llama-3.1 vocabulary and chat template.

It writes nonsense, but counts and renders as Llama 3.1 does, with llama.cpp's own code: a third
opinion on every token count. 24 MB, written in about a second, the same every time.

How long it answers is a matter of chance, and adjustable. Dimension 0 of the residual stream is
1 for every token and no block writes to it; the other 63 dimensions are small. So all 128,256
tokens are about equally likely, except that <|eot_id|> carries more in dimension 0, which lifts
its logit by `end_bias` wherever the model is. At temperature 1 each step then ends the answer
with the chance e^end_bias / (128,256 + e^end_bias): at 6.5, one in 194.

It has no Llama-3.1 RoPE scaling: a context of 8,192 tokens needs none.
"""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

BLOCKS = 2
WIDTH = 64
HEADS = 4
FEED_FORWARD = 128
CONTEXT = 8192
SPREAD = 0.02
EPSILON = 1e-5
BOS, EOT = 128000, 128009


def write(path: Path, vocabulary: Path, template: str, end_bias: float = 0.0) -> None:
    """Write the model to `path`.

    Args:
        path: the GGUF file to make.
        vocabulary: the folder with Llama 3.1's `tokenizer.json`.
        template: its chat template.
        end_bias: what is added to the logit of <|eot_id|>.
    """
    tokenizer = json.loads((vocabulary / "tokenizer.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(path, "llama")
    _shape(writer)
    tokens = _tokens(writer, tokenizer)
    writer.add_chat_template(template)
    _weights(writer, len(tokens), end_bias)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _shape(writer: gguf.GGUFWriter) -> None:
    writer.add_block_count(BLOCKS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(500_000.0)


def _tokens(writer: gguf.GGUFWriter, tokenizer: dict[str, Any]) -> list[str]:
    """Write the vocabulary: the ordinary tokens by id, then the added ones."""
    model = tokenizer["model"]
    ordinary = sorted(model["vocab"], key=model["vocab"].__getitem__)
    added = [token["content"] for token in tokenizer["added_tokens"]]
    tokens = ordinary + added
    kinds = [gguf.TokenType.NORMAL] * len(ordinary) + [gguf.TokenType.CONTROL] * len(added)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(model["merges"])
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOT)
    return tokens


def _weights(writer: gguf.GGUFWriter, tokens: int, end_bias: float) -> None:
    """Add the tensors. The embedding serves as output too, for want of an output tensor."""
    random = np.random.default_rng(20240726)
    embedding = _normal(random, tokens, WIDTH)
    embedding[:, 0] = 1.0
    embedding[EOT, 0] += end_bias / _dimension_0_after_norm()
    writer.add_tensor("token_embd.weight", embedding.astype(np.float16))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for block in range(BLOCKS):
        for name, (rows, columns) in _MATRICES.items():
            matrix = _normal(random, rows, columns)
            if name in ("attn_output", "ffn_down"):
                matrix[0] = 0.0
            writer.add_tensor(f"blk.{block}.{name}.weight", matrix.astype(np.float16))
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{block}.{name}.weight", np.ones(WIDTH, np.float32))


_MATRICES = {
    "attn_q": (WIDTH, WIDTH),
    "attn_k": (WIDTH, WIDTH),
    "attn_v": (WIDTH, WIDTH),
    "attn_output": (WIDTH, WIDTH),
    "ffn_gate": (FEED_FORWARD, WIDTH),
    "ffn_up": (FEED_FORWARD, WIDTH),
    "ffn_down": (WIDTH, FEED_FORWARD),
}


def _normal(random: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    return random.normal(0.0, SPREAD, (rows, columns))


def _dimension_0_after_norm() -> float:
    """Return what RMS normalisation makes of a 1 among 63 dimensions of variance SPREAD^2."""
    mean_square = (1.0 + (WIDTH - 1) * SPREAD**2) / WIDTH
    return float(1.0 / np.sqrt(mean_square + EPSILON))
