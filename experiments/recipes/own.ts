/** What a module of one's own exports, and which module that is. */
export interface Own<Description> {
  readonly description: Description;
  /** The module's path from the working directory. */
  readonly module: string;
  /** Beginning of the sha-256 of its source and of what it imports beside it. */
  readonly source: string;
}

/** What was loaded of one kind, such as methods, by the names that tables and specs have for it. */
export class OwnByName<Description extends { readonly name: string }> {
  readonly #known = new Map<string, Own<Description>>();

  /** `kind` is a word for messages, such as "method"; `isOurs` knows the names that this project has. */
  constructor(readonly kind: string, readonly isOurs: (name: string) => boolean) {}

  /**
   * Makes one known by its name, as ours are.
   *
   * Throws an Error where there is another one of that name.
   */
  add(own: Own<Description>): void {
    const { name } = own.description;
    const there = this.#known.get(name);
    if (there ? there.module !== own.module : this.isOurs(name)) {
      throw new Error(
        `cannot use ${own.module} as the ${this.kind} "${name}": ${there?.module ?? "this project"} has one of that ` +
          "name, and tables could not tell them apart",
      );
    }
    this.#known.set(name, own);
  }

  /** The one of a name; `undefined` where none was loaded. */
  get(name: string): Own<Description> | undefined {
    return this.#known.get(name);
  }

  /** All of them. */
  all(): readonly Own<Description>[] {
    return [...this.#known.values()];
  }
}
