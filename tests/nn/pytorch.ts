import { expect } from "expect";
import { loadSafetensors } from "../../lib/io/mod.ts";
import { mul, sum } from "../../lib/ops/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { grad } from "../../lib/transform/mod.ts";
import { expectClose } from "../support/numbers.ts";

const { tensors: fixture } = await loadSafetensors(new URL("../fixtures/nn.safetensors", import.meta.url));

/**
 * Compares a function of the fixture's inputs with PyTorch: its value, and the derivatives by those inputs that have
 * one.
 */
export async function checkAgainstPyTorch(name: string, f: (inputs: Readonly<Record<string, Tensor>>) => Tensor) {
  const part = (key: string) => fixture[`${name}.${key}`];
  const keys = Object.keys(fixture).flatMap((path) => {
    const key = path.slice(name.length + 1);
    return path.startsWith(`${name}.`) && /^\w+$/.test(key) && !["value", "probe"].includes(key) ? [key] : [];
  });
  const inputs = Object.fromEntries(keys.map((key) => [key, part(key)]));
  expectClose(await f(inputs).data(), await part("value").data(), 2e-6);
  const probed = (given: Readonly<Record<string, Tensor>>) => {
    const value = f(given);
    return sum(part("probe") ? mul(value, part("probe")) : value);
  };
  const grads = grad(probed)(inputs);
  const moved = keys.filter((key) => part(`${key}.grad`));
  expect(moved.length).toBeGreaterThan(0);
  for (const key of moved) expectClose(await grads[key].data(), await part(`${key}.grad`).data(), 5e-6);
}
