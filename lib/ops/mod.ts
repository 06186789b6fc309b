/**
 * Operations on tensors. Each primitive keeps its rules (shape, lowering, float64 reference, derivative) in one place.
 *
 * @module
 */
import "./methods.ts";

export * from "./functions.ts";
