/** Mean and variance of numbers. */
export function momentsOf(data: ArrayLike<number>): { readonly mean: number; readonly variance: number } {
  const numbers = Array.from(data);
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  return { mean, variance: numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length };
}
