/** Lengths that are left of two texts when they share a room: Hugging Face's `longest_first`, its odd cases too. */
export function longestFirst(first: number, second: number, room: number): [number, number] {
  if (first + second <= room) return [first, second];
  const shorter = Math.min(first, second);
  const half = Math.floor(room / 2);
  const [short, long] = shorter > half ? [half, room - half] : [shorter, room - shorter];
  return first > second ? [long, short] : [short, long];
}
