/**
 * Factorizations of matrices, on the device and with the same bits every time.
 *
 * @module
 */
export { qr } from "./qr.ts";
export { svd } from "./svd.ts";
