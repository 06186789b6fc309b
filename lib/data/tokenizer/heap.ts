/** Whether one item comes before another. */
type Precedes<T> = (a: T, b: T) => boolean;

/** Puts an item into a binary heap. */
export function pushHeap<T>(heap: T[], item: T, precedes: Precedes<T>): void {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!precedes(item, heap[parent])) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = item;
}

/** Takes the first item out of a binary heap; `undefined` where it is empty. */
export function popHeap<T>(heap: T[], precedes: Precedes<T>): T | undefined {
  const [top] = heap;
  const last = heap.pop();
  if (heap.length === 0 || last === undefined) return top;
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && precedes(heap[child + 1], heap[child])) child++;
    if (!precedes(heap[child], last)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
  return top;
}
