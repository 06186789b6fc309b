"""The PyTorch + PEFT side of the comparison in experiments/README.md: fine-tunes a classifier by LoRA as
`deno task train --method lora` does, with flags of the same names, and scores PEFT adapters.

    pip install torch peft transformers      # in an environment of its own; the CPU build does
    python experiments/studies/minilm/pytorch_peft.py --model DIR --task rte --data GLUE --seed 0 --out FILE.json
    python experiments/studies/minilm/pytorch_peft.py … --adapter ADAPTER --logits FILE     # scores an adapter, trains nothing

Same files, tokenizer, truncation, batch size, AdamW, linear schedule with warm-up, clipping, dropout, targets and heads.
Order of examples, fresh weights and dropout come from PyTorch's generator, so a seed is not the same run here and there.
"""
import argparse
import gzip
import json
import math
import time
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer, get_linear_schedule_with_warmup

# As in lib/data/tasks.ts: folder, whether the first line names columns, columns of texts and label, labels.
TASKS = {
    "rte": ("RTE", True, (1, 2), 3, {"entailment": 0, "not_entailment": 1}),
    "cola": ("CoLA", False, (3,), 1, {"0": 0, "1": 1}),
    # With RTE's classes, so that RTE can start from it, head and all.
    "mnli": ("MNLI", True, (8, 9), -1, {"entailment": 0, "neutral": 1, "contradiction": 1}),
}


def read_split(data: Path, task: str, split: str) -> tuple[list[tuple[str, ...]], list[int]]:
    """Texts and labels: fields between tabs are not quoted."""
    folder, has_header, texts, label, labels = TASKS[task]
    path = data / folder / f"{split}.tsv"
    text = path.read_bytes() if path.exists() else gzip.decompress(path.with_suffix(".tsv.gz").read_bytes())
    lines = text.decode().replace("\r\n", "\n").rstrip("\n").split("\n")[1 if has_header else 0:]
    rows = [line.split("\t") for line in lines]
    return [tuple(row[i] for i in texts) for row in rows], [labels[row[label]] for row in rows]


class Examples:
    """Token ids and labels of a split."""

    def __init__(self, options: argparse.Namespace, tokenizer, split: str):
        texts, self.labels = read_split(options.data, options.task, split)
        columns = [list(column) for column in zip(*texts)]
        self.rows = tokenizer(*columns, truncation="longest_first", max_length=options.max_length, padding=False)
        self.tokenizer = tokenizer

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: list[int]) -> dict[str, torch.Tensor]:
        rows = [{name: self.rows[name][i] for name in self.rows} for i in indices]
        padded = self.tokenizer.pad(rows, padding="longest", return_tensors="pt")
        return {**padded, "labels": torch.tensor([self.labels[i] for i in indices])}


def batches(count: int, options: argparse.Namespace):
    """Indices: those of --order, or without end shuffled passes that run on, or the file's order, pass by pass."""
    if options.order:
        yield from json.loads(options.order.read_text())
    waiting: list[int] = []
    while True:
        if options.shuffle:
            waiting += torch.randperm(count).tolist()
            while len(waiting) >= options.batch:
                yield waiting[:options.batch]
                waiting = waiting[options.batch:]
        else:
            yield from (list(range(count))[i:i + options.batch] for i in range(0, count, options.batch))


def make_model(options: argparse.Namespace):
    rates = {} if options.dropout is None else {
        "hidden_dropout_prob": options.dropout, "attention_probs_dropout_prob": options.dropout,
    }
    model = AutoModelForSequenceClassification.from_pretrained(
        options.model, num_labels=len(set(TASKS[options.task][4].values())), **rates,
    )
    if options.adapter:
        return PeftModel.from_pretrained(model, options.adapter, is_trainable=options.train)
    return get_peft_model(model, LoraConfig(
        task_type="SEQ_CLS", r=options.rank, lora_alpha=options.alpha, lora_dropout=0.0,
        target_modules=options.targets.split(","), modules_to_save=["classifier", "pooler"],
    ))


def train(model, examples: Examples, options: argparse.Namespace) -> list[dict]:
    """Trains, and gives a line for each step: loss before it, norm of its gradients before clipping, seconds."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=options.learning_rate, weight_decay=options.weight_decay)
    warmup = min(math.ceil(options.warmup * options.steps), options.steps - 1)
    schedule = get_linear_schedule_with_warmup(optimizer, warmup, options.steps)
    order = batches(len(examples), options)
    model.train()
    lines = []
    for step in range(options.steps):
        began = time.perf_counter()
        loss = model(**examples.batch(next(order))).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, options.clip)
        rate = schedule.get_last_lr()[0]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        seconds = time.perf_counter() - began
        lines.append({
            "step": step, "loss": loss.item(), "learningRate": rate, "gradNorm": norm.item(), "seconds": seconds,
        })
        if step % 50 == 49:
            recent = lines[-50:]
            print(f"step {step + 1}: loss {sum(line['loss'] for line in recent) / len(recent):.4f}", flush=True)
    return lines


@torch.no_grad()
def logits_of(model, examples: Examples) -> torch.Tensor:
    model.eval()
    every = range(len(examples))
    return torch.cat([model(**examples.batch(list(every[i:i + 32]))).logits for i in every[::32]])


def matthews(predictions: torch.Tensor, labels: torch.Tensor) -> float:
    count = lambda p, l: float(((predictions == p) & (labels == l)).sum())
    tp, tn, fp, fn = count(1, 1), count(0, 0), count(1, 0), count(0, 1)
    under = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / under if under else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--task", required=True, choices=TASKS)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--alpha", type=float, default=16)
    parser.add_argument("--targets", default="query,value")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--warmup", type=float, default=0.06, help="a share of the steps")
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, required=False, default=300)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--dropout", type=float, help="everywhere; the config's rates by default")
    parser.add_argument("--shuffle", type=lambda text: text != "false", default=True, help="false: the file's order")
    parser.add_argument("--order", type=Path, help="a JSON file of each step's indices, in place of its own (order.ts)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--adapter", help="an adapter to score, or with --train to begin from")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--save-init", help="a folder for the adapter before its first step")
    parser.add_argument("--save", help="a folder for the adapter")
    parser.add_argument("--out", help="a JSON file for settings, scores and steps")
    parser.add_argument("--logits", help="a file of JSON lines for the dev split's logits")
    parser.add_argument("--threads", type=int, help="PyTorch's own number by default")
    options = parser.parse_args()
    options.train = options.train or not options.adapter
    if options.threads:
        torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    torch.manual_seed(options.seed)

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = make_model(options)
    if options.save_init:
        model.save_pretrained(options.save_init)
    began = time.perf_counter()
    lines = train(model, Examples(options, tokenizer, "train"), options) if options.train else []
    seconds = time.perf_counter() - began
    dev = Examples(options, tokenizer, "dev")
    logits = logits_of(model, dev)
    labels = torch.tensor(dev.labels)
    predictions = logits.argmax(1)
    metrics = {"accuracy": (predictions == labels).float().mean().item()}
    if options.task == "cola":
        metrics["matthewsCorrelation"] = matthews(predictions, labels)
    result = {
        "task": options.task,
        "metrics": metrics,
        "seconds": seconds,
        "settings": {name: value for name, value in vars(options).items() if isinstance(value, (int, float, str))},
        "versions": {
            "torch": torch.__version__, "peft": peft.__version__, "transformers": transformers.__version__,
        },
        "trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "lines": lines,
    }
    if options.save:
        model.save_pretrained(options.save)
    if options.logits:
        Path(options.logits).write_text("".join(f"{json.dumps(row)}\n" for row in logits.tolist()))
    if options.out:
        Path(options.out).write_text(json.dumps(result))
    last = lines[-50:]
    loss = f", last {len(last)} losses {sum(line['loss'] for line in last) / len(last):.4f}" if last else ""
    print(f"{options.task}: {metrics}{loss}, {seconds:.0f} s")


if __name__ == "__main__":
    main()
