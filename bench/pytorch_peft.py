"""Measures training steps in PyTorch + PEFT on the models and batches of `deno task bench`, and writes them as JSON.

    pip install torch peft transformers      # in an environment of its own; the CPU build does
    python bench/pytorch_peft.py --out pytorch.json [--rounds 8] [--only small,MiniLM] [--threads N]
    deno task bench --only steps --pytorch pytorch.json

With --turns it takes turns with `deno task bench --only cells` instead: for each line, a method's name, it takes two steps of
the suite's encoder and answers with the milliseconds of one and the loss.

Methods take turns in rounds, as in bench/measure/turns.ts. Delta-LoRA, which PEFT does not have, is PEFT's LoRA and the paper's
write to W in its factored form after each step.
"""
import argparse
import json
import sys
import time
from collections.abc import Callable

import peft
import torch
import transformers
from peft import AdaLoraConfig, LoraConfig, get_peft_model
from transformers import BertConfig, BertForSequenceClassification

# As in bench/cases/models.ts: (vocabulary, hidden size, layers, heads, positions, rows, tokens).
MODELS = {
    "tiny": (512, 64, 2, 4, 64, 4, 32),
    "small": (4096, 256, 4, 4, 64, 8, 64),
    "MiniLM": (30522, 384, 6, 12, 512, 16, 64),
    "suite": (456, 64, 2, 4, 64, 16, 32),
}
# The suite's encoder has no dropout.
DROPOUT = {"suite": 0.0}
# As in bench/cases/methods.ts.
RANK, ALPHA, LAMBDA, TOTAL_STEPS = 8, 16, 0.5, 1_000_000
SHARED = {"target_modules": ["query", "value"], "modules_to_save": ["classifier", "pooler"], "lora_dropout": 0.0}
STEPS_PER_RUN = 2
FIRST_WORD = 5


def make_model(name: str) -> BertForSequenceClassification:
    vocabulary, hidden, layers, heads, positions, _, _ = MODELS[name]
    torch.manual_seed(0)
    return BertForSequenceClassification(BertConfig(
        vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=4 * hidden, max_position_embeddings=positions, num_labels=2,
        hidden_dropout_prob=DROPOUT.get(name, 0.1), attention_probs_dropout_prob=DROPOUT.get(name, 0.1),
    )).train()


def make_batch(name: str) -> dict[str, torch.Tensor]:
    """The batch of bench/cases/models.ts."""
    vocabulary, *_, rows, length = MODELS[name]
    index = torch.arange(rows * length).reshape(rows, length)
    row, column = index // length, index % length
    is_token = (row % 4 != 3) | (column < length * 3 / 4)
    return {
        "input_ids": torch.where(is_token, FIRST_WORD + index * 7919 % (vocabulary - FIRST_WORD), 0),
        "attention_mask": is_token.long(),
        "token_type_ids": (is_token & (column >= length / 2)).long(),
        "labels": torch.arange(rows) % 2,
    }


def full(name: str):
    return make_model(name), None


def lora(name: str):
    return get_peft_model(make_model(name), LoraConfig(r=RANK, lora_alpha=ALPHA, **SHARED)), None


def scaled_lora(name: str):
    return get_peft_model(make_model(name), LoraConfig(r=RANK, lora_alpha=(1 + LAMBDA) * ALPHA, **SHARED)), None


def adalora(name: str):
    config = AdaLoraConfig(
        init_r=12, target_r=8, lora_alpha=ALPHA, total_step=TOTAL_STEPS, tinit=0, tfinal=TOTAL_STEPS // 4, deltaT=10,
        **SHARED,
    )
    model = get_peft_model(make_model(name), config)
    count = 0

    def after():
        nonlocal count
        count += 1
        model.base_model.update_and_allocate(count)

    return model, (lambda: None, after)


def delta_lora(name: str):
    model, _ = lora(name)
    layers = [module for module in model.modules() if hasattr(module, "lora_A") and "default" in module.lora_A]
    factors = [(layer.base_layer.weight, layer.lora_A["default"].weight, layer.lora_B["default"].weight) for layer in layers]
    old: list[tuple[torch.Tensor, torch.Tensor]] = []

    def before():
        old[:] = [(A.detach().clone(), B.detach().clone()) for _, A, B in factors]

    @torch.no_grad()
    def after():
        for (W, A, B), (A0, B0) in zip(factors, old):
            W.addmm_(torch.cat([B - B0, B0], 1), torch.cat([A, A - A0], 0), alpha=LAMBDA * ALPHA / RANK)

    return model, (before, after)


METHODS = {
    "full": full, "lora": lora, "adalora": adalora, "delta-lora, in place": delta_lora, "lora-scaled": scaled_lora,
}


def make_run(name: str, method: str) -> Callable[[], float]:
    """Takes STEPS_PER_RUN steps and gives the last loss."""
    model, rule = METHODS[method](name)
    batch = make_batch(name)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01)

    def run() -> float:
        for _ in range(STEPS_PER_RUN):
            if rule:
                rule[0]()
            loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            if rule:
                rule[1]()  # AdaLoRA reads the gradients of the step
            optimizer.zero_grad()
        return loss.item()

    return run


def measure(name: str, rounds: int) -> dict:
    runs = {method: make_run(name, method) for method in METHODS}
    for method, run in runs.items():
        loss = run()
        if not loss == loss or abs(loss) == float("inf"):
            raise RuntimeError(f"the loss of {method} is {loss}")
    times: dict[str, list[float]] = {method: [] for method in METHODS}
    for _ in range(rounds):
        for method, run in runs.items():
            began = time.perf_counter()
            run()
            times[method].append(1000 * (time.perf_counter() - began) / STEPS_PER_RUN)
    return {"model": name, "steps": [{"method": method, "rounds": values} for method, values in times.items()]}


def versions() -> dict:
    return {"torch": torch.__version__, "peft": peft.__version__, "transformers": transformers.__version__}


def take_turns() -> None:
    """Answers each method's name on a line with what its next steps took; first of all says who answers."""
    print(json.dumps({"versions": versions(), "threads": torch.get_num_threads()}), flush=True)
    runs: dict[str, Callable[[], float]] = {}
    for line in sys.stdin:
        method = line.strip()
        if method not in runs:
            runs[method] = make_run("suite", method)
        began = time.perf_counter()
        loss = runs[method]()
        milliseconds = 1000 * (time.perf_counter() - began) / STEPS_PER_RUN
        print(json.dumps({"milliseconds": milliseconds, "loss": loss}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--out", help="the JSON file to write")
    wanted.add_argument("--turns", action="store_true", help="takes turns with deno task bench --only cells")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--only", default="small,MiniLM", help=f"models by commas, of {', '.join(MODELS)}")
    parser.add_argument("--threads", type=int, help="PyTorch's own number by default")
    options = parser.parse_args()
    names = options.only.split(",")
    for name in names:
        if name not in MODELS:
            parser.error(f"there is no model {name}: {', '.join(MODELS)}")
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.turns:
        return take_turns()
    result = {
        "versions": versions(),
        "threads": torch.get_num_threads(),
        "models": [measure(name, options.rounds) for name in names],
    }
    with open(options.out, "w") as file:
        json.dump(result, file, indent=1)
    for model in result["models"]:
        for step in model["steps"]:
            values = sorted(step["rounds"])
            print(f"{model['model']}  {step['method']}: {values[0]:.1f} ms best, {values[len(values) // 2]:.1f} median")


if __name__ == "__main__":
    main()
