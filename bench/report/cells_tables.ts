import type { CellsResult } from "./document.ts";
import { digits, mebibytes, milliseconds, pair, table } from "./format.ts";

const nameOf = (cells?: number) => cells === undefined ? "one, plain" : String(cells);

/** Time and memory of a run as more of them are trained in one program. */
export function cellsTable({ methods }: Pick<CellsResult, "methods">): string {
  const rows = methods.flatMap(({ method, rows }) =>
    rows.map(({ cells, timing, ratio, speed, dispatches, ownBytes }) => [
      cells === undefined ? method : "",
      nameOf(cells),
      milliseconds(timing),
      pair(ratio.best, ratio.median),
      pair(timing.best / (cells ?? 1), timing.median / (cells ?? 1)),
      speed ? pair(speed.best, speed.median) : "–",
      String(dispatches),
      mebibytes(ownBytes),
      mebibytes(ownBytes / (cells ?? 1)),
    ])
  );
  const head = ["method", "cells", "ms a step", "÷ one plain run", "ms a cell", "steps/s ÷ PyTorch's", "dispatches"];
  return table([...head, "peak MiB beside the base", "MiB a cell"], rows);
}

/** What the products of a step take in it and apart; empty where the device has no clock. */
export function productsTable({ methods }: Pick<CellsResult, "methods">): string {
  const rows = methods.flatMap(({ method, products }) =>
    products.map(({ cells, dispatches, operations, inStep, apart, ratio }) => [
      method,
      nameOf(cells),
      String(dispatches),
      milliseconds(inStep),
      milliseconds(apart),
      pair(ratio.best, ratio.median),
      digits(operations / inStep.best / 1e6),
    ])
  );
  if (rows.length === 0) return "";
  return table(["method", "cells", "products", "ms in the step", "ms apart", "in the step ÷ apart", "GFLOP/s"], rows);
}

function pytorchLine({ pytorch, methods }: CellsResult): string {
  if (typeof pytorch === "string") return `Without PyTorch: ${pytorch}.`;
  const versions = Object.entries(pytorch.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  const steps = methods.map((one) => `${one.method} ${milliseconds(one.pytorch!)}`).join("; ");
  return `PyTorch + PEFT (${versions}, ${pytorch.threads} threads) took turns with these; ms a step of one run: ${steps}.`;
}

/** The section in Markdown. */
export function cellsParts(result: CellsResult): string[] {
  const description = `${result.description}, ${mebibytes(result.baseBytes)} MiB, without dropout`;
  const products = productsTable(result);
  return [
    "### Many runs in one program",
    `Cells of the default suite's encoder (${description}):`,
    cellsTable(result),
    pytorchLine(result),
    ...products === "" ? [] : [
      "Products of a step, each a pass of its own by the device's clock, beside the same ones repeated alone:",
      products,
    ],
  ];
}
