/**
 * Random numbers from explicit keys, the same integers on every device. They are counter-based, by threefry2x32
 * ([Salmon et al. 2011](https://doi.org/10.1145/2063384.2063405)), like JAX's: what is drawn depends on the key and the
 * shape alone, so a key is drawn from once, and split or folded for more.
 *
 * @module
 */
export { categorical, integers, type IntegersOptions, permutation } from "./random_discrete.ts";
export { bernoulli, foldIn, foldInEach, type Key, key, normal, splitKey as split, uniform } from "./random.ts";
