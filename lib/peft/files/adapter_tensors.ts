import { transpose } from "../../ops/mod.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { formatShape, sameShape, type Shape } from "../../tensor/shape.ts";
import type { Adapter } from "../method.ts";
import { isConv1D } from "./decoder_parts.ts";

/** What PEFT writes before the names of an adapter's tensors: `base_model.model.`. */
export const PEFT_PREFIX = "base_model.model.";

/** Further copies of what is saved whole, which PEFT writes beside it with `bias: "all"` and reads as nothing. */
const COPY = /\.(original_module|modules_to_save)\./;

/** What targets share in PEFT's VeRA, which lies beside the model. */
const SHARED = /^base_model\.vera_[AB]$/;

/** Whether a tensor is a Conv1D layer's whole weight, which lies transposed in files. */
const isConv1DWeight = (name: string, { rank }: Tensor): boolean =>
  rank === 2 && /\.weight$/.test(name) && isConv1D(name.replace(/(\.base_layer)?\.weight$/, ""));

/** The tensors of an adapter's file, each of which is taken once. */
export class AdapterTensors {
  readonly #left = new Map<string, Tensor>();

  constructor(tensors: Adapter["tensors"]) {
    for (const [name, tensor] of Object.entries(tensors)) {
      if (!name.startsWith(PEFT_PREFIX) && !SHARED.test(name)) {
        throw new Error(`cannot use the adapter: its tensor ${name} does not begin with ${PEFT_PREFIX}`);
      }
      const own = SHARED.test(name) ? name : name.slice(PEFT_PREFIX.length);
      if (!COPY.test(own)) this.#left.set(own, isConv1DWeight(own, tensor) ? transpose(tensor) : tensor);
    }
  }

  /** A tensor's whole name in the file. */
  static wholeName(name: string): string {
    return SHARED.test(name) ? name : `${PEFT_PREFIX}${name}`;
  }

  /** Names, without PEFT's prefix, that nobody took so far. */
  get left(): readonly string[] {
    return [...this.#left.keys()];
  }

  has(name: string): boolean {
    return this.#left.has(name);
  }

  /** Takes a tensor by its name, or by another one that older files have. */
  take(name: string, ...others: readonly string[]): Tensor {
    const own = [name, ...others].find((one) => this.#left.has(one));
    const tensor = this.#left.get(own ?? name);
    if (tensor === undefined) {
      throw new Error(`cannot use the adapter: it has no tensor ${AdapterTensors.wholeName(name)}`);
    }
    this.#left.delete(own ?? name);
    return tensor;
  }

  /** Takes a tensor that has a shape. */
  takeShaped(name: string, shape: Shape): Tensor {
    const tensor = this.take(name);
    if (!sameShape(tensor.shape, shape)) {
      throw new Error(`cannot use the adapter: its ${name} is ${formatShape(tensor.shape)}, not ${formatShape(shape)}`);
    }
    return tensor;
  }
}
