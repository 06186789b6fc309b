import type { Content } from "./content.ts";
import { contentOf, goneOf, type Tensor } from "./tensor.ts";

/** Shares in the elements of tensors that a piece of work holds until it is encoded, whatever becomes of the tensors. */
export class Hold implements Disposable {
  /** What is held. */
  readonly tensors: readonly Tensor[];
  /** How many shares there are in each content. */
  readonly #shares = new Map<Content, number>();

  /** Holds tensors, each as often as it is given. Throws where the elements of one are gone. */
  constructor(tensors: readonly Tensor[]) {
    this.tensors = tensors;
    for (const content of tensors.map(contentOf)) {
      this.#shares.set(content.retain(), (this.#shares.get(content) ?? 0) + 1);
    }
  }

  /** Whether nothing but a tensor itself and this work needs its elements. */
  isSole(tensor: Tensor): boolean {
    const content = contentOf(tensor);
    return content.holders === (this.#shares.get(content) ?? 0) + (goneOf(tensor) === undefined ? 1 : 0);
  }

  /** Gives the shares up. */
  [Symbol.dispose](): void {
    for (const [content, count] of this.#shares) for (let i = 0; i < count; i++) content.release();
    this.#shares.clear();
  }
}
