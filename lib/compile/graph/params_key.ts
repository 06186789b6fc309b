/**
 * Parameters of a primitive as text, the same for equal ones alone: JSON, but for numbers that JSON does not have, as
 * NaN, infinities and −0 must not share a node or a kernel's constants.
 */
export function paramsKey(params: unknown): string {
  return JSON.stringify(params, (_, value: unknown) => {
    if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return value;
    return Object.is(value, -0) ? "-0" : String(value);
  });
}
