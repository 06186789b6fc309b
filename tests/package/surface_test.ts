import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { lockFlags } from "../../experiments/runner/locked.ts";
import * as dd from "../../mod.ts";

/** Namespaces beside the tensor language. */
const NAMESPACES = [
  ..."data device generate hub inspect io linalg metrics models nn optim peft random train tree".split(" "),
];

/** The tensor language: what makes, transforms and computes tensors. */
const LANGUAGE = [
  ..."Tensor tensor evaluate openDevice useDevice".split(" "),
  ..."checkpoint customVjp grad jit scan valueAndGrad vjp vmap".split(" "),
  ..."arange full ones onesLike oneHot zeros zerosLike".split(" "),
  ..."abs add cos div erf exp gelu log maximum minimum mul neg pow relu rsqrt sigmoid sign silu sin sqrt square sub tanh"
    .split(" "),
  ..."ceil clip cumulativeSum einsum expm1 floor log1p mod pad roll round tile tril triu".split(" "),
  ..."equal greater greaterEqual isFinite isNaN less lessEqual logicalAnd logicalNot logicalOr notEqual where".split(
    " ",
  ),
  ..."all any argmax argmin logProbability logSoftmax logSumExp max mean min normalize prod softmax squaredNorm sum variance"
    .split(" "),
  ..."broadcastTo cast concat copy expandDims flip reshape select slice split squeeze stack transpose".split(" "),
  ..."addLowRank embedding matmul matmulSum".split(" "),
  ..."argsort dynamicSlice dynamicUpdateSlice scatterAdd sort takeAlong topK".split(" "),
  ..."controlDependency stopGradient".split(" "),
];

const TYPES = [
  ..."DType HostArray NestedArray Shape TensorOptions TypedArray".split(" "),
  ..."DynamicSliceOptions DynamicStart SortOptions".split(" "),
  ..."AxisOption ClipOptions CumulativeSumOptions DiagonalOption DTypeOption GeluOptions Key LogProbabilityOptions LowRank MatmulOptions PadOptions ReduceOptions RollOptions SliceOptions SplitOptions TensorLike VarianceOptions"
    .split(" "),
  ..."AnyFunction Axes CustomVjpRules GradOptions ScanOptions ValueAndGrad ValueAndGradOptions VmapOptions".split(" "),
  ..."JitArguments JitOptions JittedFunction Lifted LiftedAll NumberPositions TakesNumbers WantsNumbers".split(" "),
  ..."Batch Params PlainObject ProjectedWeight StaticValue Tree TreeNode TreeRecord Weight".split(" "),
  ..."Counters Device DeviceOptions DeviceReport DeviceSource MemoryReport OpenDeviceOptions".split(" "),
  ..."DispatchSummary DispatchTime ExplainOptions FunctionMemory MemoryItem MemoryKind PlanSummary ProfileClock Roofline"
    .split(" "),
];

describe("mod.ts", () => {
  it("has the tensor language at the top, and all else in namespaces", () => {
    expect(Object.keys(dd).sort()).toEqual([...LANGUAGE, ...NAMESPACES].sort());
  });

  it("has nothing at the top that is in a namespace, too", () => {
    const twice = NAMESPACES.flatMap((space) => {
      const inside = Reflect.get(dd, space);
      return Object.keys(inside).filter((name) => Reflect.get(dd, name) === Reflect.get(inside, name));
    });
    expect(twice).toEqual([]);
  });

  it("has at the top the types that its functions name, and no others", async () => {
    const args = ["doc", "--quiet", "--json", ...lockFlags(), "mod.ts"];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: new URL("../../", import.meta.url) })
      .output();
    const [{ symbols }] = Object.values<{ symbols: { name: string }[] }>(
      JSON.parse(new TextDecoder().decode(stdout)).nodes,
    );
    const types = symbols.map(({ name }) => name).filter((name) => !(name in dd));
    expect(types.sort()).toEqual(TYPES.toSorted());
  });

  it("maps, flattens and disposes trees in the namespace tree", async () => {
    await dd.openDevice();
    const params = { a: dd.tensor([1, 2]), b: [dd.tensor([3])] };
    const doubled = dd.tree.map((leaf) => dd.mul(leaf, 2), params);
    expect(await Promise.all(dd.tree.leaves(doubled).map(async (leaf) => [...await leaf.data()]))).toEqual([[2, 4], [
      6,
    ]]);
    const { leaves, structure } = dd.tree.flatten(params);
    expect(dd.tree.unflatten(structure, leaves)).toEqual(params);
    dd.tree.dispose(params);
    for (const leaf of leaves) await expect(leaf.data()).rejects.toThrow("it was disposed");
  });
});
