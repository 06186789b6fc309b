/**
 * Random numbers from explicit keys: counter-based (threefry2x32), the same integers on every device.
 *
 * @module
 */
export { categorical, integers, type IntegersOptions, permutation } from "./random_discrete.ts";
export { bernoulli, foldIn, foldInEach, type Key, key, normal, splitKey as split, uniform } from "./random.ts";
