"""Writes texts with transformers in turns with `deno task bench --only decoding`.

    python bench/decoding.py FOLDER

FOLDER has config.json and model.safetensors of a GPT-2. Its first line says versions and the number of threads. For each line,
JSON like {"prompts": [[7]], "beams": 1, "tokens": 16}, it writes so many tokens after each prompt, greedily or by a beam search,
and answers with them.
"""
import json
import sys

import torch
import transformers
from transformers import GPT2LMHeadModel


def main() -> None:
    model = GPT2LMHeadModel.from_pretrained(sys.argv[1]).eval()
    # Texts end where they are asked to, and at no token before.
    model.generation_config.eos_token_id = None
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    print(json.dumps({"versions": versions, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        prompts = torch.tensor(asked["prompts"])
        with torch.inference_mode():
            written = model.generate(
                prompts, attention_mask=torch.ones_like(prompts), do_sample=False, num_beams=asked["beams"],
                max_new_tokens=asked["tokens"], pad_token_id=0,
            )
        print(json.dumps(written[:, prompts.shape[1]:].tolist()), flush=True)


main()
