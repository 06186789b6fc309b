/** Throws a TypeError where an update is not told whether it is a refresh: it would never be one. */
export function requireRefresh(of: string, isRefresh: boolean | undefined): asserts isRefresh is boolean {
  if (isRefresh !== undefined) return;
  throw new TypeError(
    `${of}: an update must be told whether it is a refresh: give it isRefreshStep(optimizer, step) as its fourth argument`,
  );
}
