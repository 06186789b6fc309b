/** The keys of a record that has no others than its type says, in their order. */
export function keysOf<const Key extends string>(record: Readonly<Record<Key, unknown>>): Key[] {
  // Object.keys() gives texts, since an object may have more keys than its type; a record written down here has not.
  return Object.keys(record) as Key[];
}
