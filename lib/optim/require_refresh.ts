/** Checks rank and interval of what projects gradients. Throws a RangeError where one is no whole number from 1. */
export function requireProjection(of: string, options: { readonly rank: number; readonly refreshEvery: number }): void {
  for (const [name, value] of Object.entries(options)) {
    if (!(Number.isInteger(value) && value >= 1)) {
      throw new RangeError(`${of}: ${name} is a whole number from 1, not ${value}`);
    }
  }
}

/** Throws a TypeError where an update is not told whether it is a refresh: it would never be one. */
export function requireRefresh(of: string, isRefresh: boolean | undefined): asserts isRefresh is boolean {
  if (isRefresh !== undefined) return;
  throw new TypeError(
    `${of}: an update must be told whether it is a refresh: give it isRefreshStep(optimizer, step) as its fourth argument`,
  );
}
