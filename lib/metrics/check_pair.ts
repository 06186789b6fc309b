/** What a metric reads: an array of numbers, plain or typed. */
export type Numbers = ArrayLike<number>;

/** Throws a RangeError unless both lists are as long as each other and hold at least one value. */
export function checkPair(metric: string, predictions: Numbers, labels: Numbers): void {
  if (predictions.length !== labels.length) {
    throw new RangeError(
      `Cannot compute ${metric} as lengths must match: ${predictions.length} predictions and ${labels.length} labels`,
    );
  }
  if (labels.length === 0) throw new RangeError(`Cannot compute ${metric} as there are no predictions`);
}

/** Throws a RangeError unless every value is 0 or 1. */
export function checkBinary(metric: string, name: string, values: Numbers): void {
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 0 && values[i] !== 1) {
      throw new RangeError(`Cannot compute ${metric} as ${name} must be 0 or 1: ${values[i]} at ${i}`);
    }
  }
}
