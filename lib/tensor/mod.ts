/**
 * Tensors as immutable values, their shapes and dtypes, and trees of them.
 *
 * @module
 */
export * from "./content.ts";
export * from "./create.ts";
export * from "./dtype.ts";
export * from "./executor.ts";
export * from "./hold.ts";
export * from "./shape.ts";
export * from "./state.ts";
export * from "./tensor.ts";
export * from "./tree.ts";
export * from "./tree_part.ts";
export * from "./view.ts";
