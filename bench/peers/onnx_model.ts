/** A node of an ONNX graph; attributes are whole numbers, lists of them, or f32 where the name is `epsilon`. */
export interface OnnxNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** An ONNX graph of f32 tensors. */
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  /** Shapes by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Shapes by name. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
}

const OPSET = 20; // the first with Gelu
const IR_VERSION = 9;
const FLOAT = 1;
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;

const text = (value: string): number[] => [...new TextEncoder().encode(value)];

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(rest % 128 + (rest >= 128 ? 128 : 0));
  }
  return bytes;
}

/** A field that holds a whole number. */
const whole = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
/** A field that holds bytes: text, or a message. */
const block = (field: number, bytes: readonly number[]): number[] => [
  ...varint(field * 8 + 2),
  ...varint(bytes.length),
  ...bytes,
];
const single = (field: number, value: number): number[] => [
  ...varint(field * 8 + 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];

function attribute(name: string, value: number | readonly number[]): number[] {
  const named = block(1, text(name));
  if (typeof value !== "number") {
    return [...named, ...value.flatMap((part) => whole(8, part)), ...whole(20, ATTRIBUTE_TYPE.ints)];
  }
  if (name === "epsilon") return [...named, ...single(2, value), ...whole(20, ATTRIBUTE_TYPE.float)];
  return [...named, ...whole(3, value), ...whole(20, ATTRIBUTE_TYPE.int)];
}

function node({ type, inputs, outputs, attributes = {} }: OnnxNode): number[] {
  return [
    ...inputs.flatMap((name) => block(1, text(name))),
    ...outputs.flatMap((name) => block(2, text(name))),
    ...block(4, text(type)),
    ...Object.entries(attributes).flatMap(([name, value]) => block(5, attribute(name, value))),
  ];
}

function valueInfo(name: string, shape: readonly number[]): number[] {
  const dimensions = shape.flatMap((size) => block(1, whole(1, size)));
  const tensorType = [...whole(1, FLOAT), ...block(2, dimensions)];
  return [...block(1, text(name)), ...block(2, block(1, tensorType))];
}

/** The bytes of an ONNX model (protocol buffers, as onnx.proto lays them out) that computes a graph. */
export function onnxModel({ nodes, inputs, outputs }: OnnxGraph): Uint8Array {
  const graph = [
    ...nodes.flatMap((part) => block(1, node(part))),
    ...block(2, text("kernel")),
    ...Object.entries(inputs).flatMap(([name, shape]) => block(11, valueInfo(name, shape))),
    ...Object.entries(outputs).flatMap(([name, shape]) => block(12, valueInfo(name, shape))),
  ];
  return Uint8Array.from([...whole(1, IR_VERSION), ...block(7, graph), ...block(8, whole(2, OPSET))]);
}
