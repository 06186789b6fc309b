const ROTATIONS = [[13, 15, 26, 6], [17, 29, 16, 24]];

/** A word of threefry2x32 with 20 rounds (Salmon et al. 2011) as a function of WGSL, for scalars or four at once. */
export function threefrySource(width: 1 | 4): string {
  const T = width === 1 ? "u32" : "vec4<u32>";
  const shift = (bits: number) => `${T}(${bits}u)`;
  const lines: string[] = [];
  for (let group = 0; group < 5; group++) {
    for (const r of ROTATIONS[group % 2]) {
      lines.push(`x += y; y = ((y << ${shift(r)}) | (y >> ${shift(32 - r)})) ^ x;`);
    }
    lines.push(`x += k${(group + 1) % 3}; y += k${(group + 2) % 3} + ${T}(${group + 1}u);`);
  }
  return `fn threefry(k0: ${T}, k1: ${T}, c0: ${T}, c1: ${T}, word: ${T}) -> ${T} {
  let k2 = k0 ^ k1 ^ ${T}(0x1bd11bdau);
  var x = c0 + k0;
  var y = c1 + k1;
  ${lines.join("\n  ")}
  return select(x, y, word != ${T}(0u));
}
`;
}
