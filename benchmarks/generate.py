"""How fast `generate` writes, side by side with transformers' `generate`: one process, alternating, medians.

    python benchmarks/generate.py                       # GPT-2 small, batch 1, 8, 32, float32
    python benchmarks/generate.py --dtypes float32 bfloat16 --modes greedy sample
    python benchmarks/generate.py --tiny                # a smoke run of a few seconds

Both sides hold the same random weights and write the same number of tokens from the same prompts. Greedy ids are
compared too: they must be equal in float32. The last line is JSON.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
from transformers import GPT2Config as HFConfig
from transformers import GPT2LMHeadModel

from glassgpt.engine import Request, TorchBackend, generate
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize
from glassgpt.sampling import SamplingParams

TINY = GPT2Config(vocab_size=211, context_length=64, emb_dim=48, n_heads=4, n_layers=2)
MATRICES = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def twin_of(model: GPT2) -> GPT2LMHeadModel:
    """The same weights in transformers' implementation, which stores matrices transposed."""
    c = model.config
    config = HFConfig(
        vocab_size=c.vocab_size,
        n_positions=c.context_length,
        n_embd=c.emb_dim,
        n_head=c.n_heads,
        n_layer=c.n_layers,
        bos_token_id=0,
        eos_token_id=0,
    )
    weights = {
        f"transformer.{name}": value.t() if name.endswith(MATRICES) else value
        for name, value in model.state_dict().items()
    }
    twin = GPT2LMHeadModel(config).eval()
    twin.load_state_dict({**weights, "lm_head.weight": model.wte.weight})
    return twin.to(model.wte.weight.dtype)


def ours(backend: TorchBackend, prompts: list[list[int]], new: int, mode: str) -> list[list[int]]:
    temperature = 0.0 if mode == "greedy" else 1.0
    requests = [
        Request(ids, SamplingParams(max_new_tokens=new, temperature=temperature, seed=row))
        for row, ids in enumerate(prompts)
    ]
    return [list(completions[0].ids) for completions in generate(backend, requests)]


def theirs(twin: GPT2LMHeadModel, prompts: list[list[int]], new: int, mode: str) -> list[list[int]]:
    ids = torch.tensor(prompts)
    written = twin.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=new,
        **({"do_sample": False} if mode == "greedy" else {"do_sample": True, "top_k": 0}),
        eos_token_id=None,
        pad_token_id=0,
    )
    return written[:, ids.shape[1] :].tolist()


def seconds(run: Callable[[], list[list[int]]]) -> tuple[float, list[list[int]]]:
    start = time.perf_counter()
    written = run()
    return time.perf_counter() - start, written


def compare(backend: TorchBackend, twin: GPT2LMHeadModel, batch: int, mode: str, args: argparse.Namespace) -> dict:
    """Alternate both sides; the first round only warms up."""
    generator = torch.Generator().manual_seed(batch)
    prompts = torch.randint(backend.config.vocab_size, (batch, args.prompt), generator=generator).tolist()
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    our_ids, their_ids = [], []
    for turn in range(args.rounds + 1):
        new = args.new if turn else min(args.new, 4)
        our_time, our_ids = seconds(lambda new=new: ours(backend, prompts, new, mode))
        their_time, their_ids = seconds(lambda new=new: theirs(twin, prompts, new, mode))
        assert all(len(ids) == new for ids in (*our_ids, *their_ids)), "both must write every token"
        if turn:
            times["ours"].append(our_time)
            times["theirs"].append(their_time)
    rates = {side: batch * args.new / statistics.median(values) for side, values in times.items()}
    pairs = zip(times["theirs"], times["ours"], strict=True)
    return {
        "batch": batch,
        "mode": mode,
        "glassgpt": round(rates["ours"], 1),
        "transformers": round(rates["theirs"], 1),
        "ratio": round(statistics.median(their / our for their, our in pairs), 2),
        "same_ids": our_ids == their_ids if mode == "greedy" else None,
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=["float32"])
    parser.add_argument("--modes", nargs="+", choices=["greedy", "sample"], default=["greedy"])
    parser.add_argument("--prompt", type=int, default=16, help="tokens of each prompt")
    parser.add_argument("--new", type=int, default=128, help="tokens to write")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--tiny", action="store_true", help="a tiny model and few tokens: checks that this program runs"
    )
    args = parser.parse_args(arguments)
    if args.tiny:
        args.batches, args.prompt, args.new, args.rounds = [1, 3], 5, 8, 1
    return args


def main(arguments: list[str]) -> int:
    args = parse(arguments)
    torch.set_num_threads(args.threads)
    rows = []
    print("| dtype | batch | mode | GlassGPT, tokens/s | transformers, tokens/s | ratio | same ids |")
    print("|---|---|---|---|---|---|---|")
    for dtype in args.dtypes:
        model = initialize(GPT2(TINY if args.tiny else SIZES["small"]), seed=0).eval().to(DTYPES[dtype])
        backend, twin = TorchBackend(model), twin_of(model)
        for batch in args.batches:
            for mode in args.modes:
                row = {"dtype": dtype, **compare(backend, twin, batch, mode, args)}
                rows.append(row)
                same = {True: "yes", False: "no", None: "–"}[row["same_ids"]]
                print(
                    f"| {dtype} | {batch} | {mode} | {row['glassgpt']:.1f} | {row['transformers']:.1f} "
                    f"| {row['ratio']:.2f} | {same} |",
                    flush=True,
                )
    setting = {"prompt": args.prompt, "new": args.new, "rounds": args.rounds, "threads": args.threads}
    print(json.dumps({"benchmark": "generate", "torch": torch.__version__, **setting, "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
