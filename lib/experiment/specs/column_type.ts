/**
 * What the values of a column are: text, a 32-bit integer, an integer from 0 to 2⁵³ − 1 (64 bits in tables), a 64-bit
 * float, or a truth.
 */
export type ColumnType = "text" | "integer" | "large integer" | "number" | "boolean";
