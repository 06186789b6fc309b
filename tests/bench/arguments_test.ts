import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { HELP, parseArguments } from "../../bench/arguments.ts";

describe("the arguments of bench", () => {
  it("measure everything in eight rounds by default", () => {
    expect(parseArguments([])).toEqual({
      sections: ["kernels", "steps", "steady", "scaling", "cells", "decoding", "startup", "compile"],
      isQuick: false,
      rounds: 8,
      hasPeers: false,
      pytorch: undefined,
      python: "python3",
      device: undefined,
      json: undefined,
      updates: false,
      verbose: false,
    });
  });

  it("choose parts, device, rounds and files", () => {
    const args =
      "--only steps,kernels --device swiftshader --rounds 3 --json a.json --pytorch b.json --peers --python /opt/python"
        .split(
          " ",
        );
    expect(parseArguments(args)).toEqual({
      sections: ["steps", "kernels"],
      isQuick: false,
      rounds: 3,
      hasPeers: true,
      pytorch: "b.json",
      python: "/opt/python",
      device: "swiftshader",
      json: "a.json",
      updates: false,
      verbose: false,
    });
  });

  it("take two rounds where they are quick", () => {
    expect(parseArguments(["--quick"])).toMatchObject({ isQuick: true, rounds: 2 });
    expect(parseArguments(["--quick", "--rounds", "5"])).toMatchObject({ isQuick: true, rounds: 5 });
  });

  it("know --update by its other name", () => {
    expect(parseArguments(["--readme"])).toMatchObject({ updates: true });
    expect(parseArguments(["--update"])).toMatchObject({ updates: true });
  });

  it("refuse to write figures of a part or of a quick run into the README", () => {
    const message = "--update writes the figures of a whole run: leave --quick and --only out";
    expect(() => parseArguments(["--update", "--quick"])).toThrow(message);
    expect(() => parseArguments(["--update", "--only", "steps"])).toThrow(message);
  });

  it("name the nearest flag and part where one is unknown, and say what lacks", () => {
    expect(() => parseArguments(["--pears"])).toThrow("--peers");
    expect(() => parseArguments(["--only", "kernel"])).toThrow("kernels");
    expect(() => parseArguments(["--json"])).toThrow("--json needs a value");
    expect(() => parseArguments(["--rounds", "0"])).toThrow('--rounds is a whole number from 1, not "0"');
    expect(() => parseArguments(["kernels"])).toThrow('unexpected argument "kernels": see --help');
  });

  it("give help that names every flag", () => {
    expect(parseArguments(["--help", "--quick"])).toBe("help");
    for (const flag of ["only", "quick", "rounds", "peers", "pytorch", "device", "json", "update", "help"]) {
      expect(HELP).toContain(`--${flag}`);
    }
  });
});
